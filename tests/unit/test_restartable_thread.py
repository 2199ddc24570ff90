"""Background threads: stopped, and started again."""

import threading
from queue import Queue

from chat.restartable_thread import RestartableThread


def test_a_stopped_thread_starts_again() -> None:
    began: Queue[str] = Queue()

    def run() -> None:
        began.put(threading.current_thread().name)
        thread.stopping.wait()

    thread = RestartableThread("again", run)
    for _ in range(2):
        thread.start()
        assert began.get(timeout=10) == "again"
        assert thread.stop()
    assert not thread.stop(), "there is none to stop"


def test_stopping_wakes_a_thread_that_waits_for_something_else() -> None:
    woken = threading.Event()
    thread = RestartableThread("waiting", lambda: woken.wait(60))
    thread.start()
    assert thread.stop(woken.set)
    assert woken.is_set()
