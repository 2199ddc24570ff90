"""The threads that do the work."""

import asyncio
import threading
import time
import weakref
from types import SimpleNamespace
from typing import Any

import pytest

from chat.live.pool import Pool
from chat.live.worker import LiveWorker
from tests.conftest import run_in_threads
from tests.server import wait_until


def test_all_is_done_by_no_more_threads_than_there_are() -> None:
    pool, lock = Pool(3), threading.Lock()
    at_once, most, done = 0, 0, []

    def work(number: int) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.001)
        with lock:
            at_once -= 1
            done.append(number)

    def submit() -> None:
        for number in range(50):
            pool.submit(work, number)

    run_in_threads(*[submit] * 4)
    wait_until(lambda: len(done) == 200, "all is done")
    assert sorted(done) == sorted(list(range(50)) * 4)
    assert most == 3


def test_what_waits_is_done_in_its_order() -> None:
    pool, go_on, done = Pool(1), threading.Event(), list[int]()

    def wait() -> None:
        go_on.wait(10)

    pool.submit(wait)
    for number in range(20):
        pool.submit(done.append, number)
    go_on.set()
    wait_until(lambda: len(done) == 20, "all is done")
    assert done == list(range(20))


def test_one_after_the_other_is_the_same_threads_work() -> None:
    pool, names = Pool(8), list[str]()
    for number in range(10):
        pool.submit(lambda: names.append(threading.current_thread().name))
        wait_until(lambda n=number: len(names) > n and pool.rests, "it rests")  # type: ignore[misc]
    assert len(set(names)) == 1


def test_a_fault_is_logged_and_costs_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    def broken(fault: BaseException) -> None:
        raise fault

    pool, done = Pool(1), threading.Event()
    pool.submit(broken, ValueError("a fault"))
    pool.submit(broken, SystemExit("another"))
    pool.submit(done.set)
    assert done.wait(10)
    assert "a fault" in caplog.text
    assert "another" in caplog.text


def test_a_thread_that_rests_keeps_nothing_alive() -> None:
    class Big:
        def work(self) -> None:
            pass

    pool, big = Pool(1), Big()
    seen = weakref.ref(big)
    pool.submit(big.work)
    wait_until(lambda: pool.rests, "it rests")
    del big
    wait_until(lambda: seen() is None, "nothing holds it")


@pytest.mark.parametrize(("graceful_s", "is_finished"), [(10, True), (0, False)])
def test_a_worker_that_stops_lets_them_finish_for_its_time(graceful_s: float, is_finished: bool) -> None:
    """A client that has hung up is no connection any more, and its message is stored all the same."""
    worker: Any = LiveWorker.__new__(LiveWorker)
    worker.connections, worker.stopping, worker._pool = set(), lambda: None, Pool(1)
    worker.cfg = SimpleNamespace(graceful_timeout=graceful_s)
    worker.notify = lambda: None
    go_on, done = threading.Event(), list[bool]()

    def work() -> None:
        go_on.wait(10)
        done.append(True)

    worker._pool.submit(work)
    timer = threading.Timer(0.2, go_on.set)
    timer.start()
    asyncio.run(worker._finish())
    assert bool(done) is is_finished
    timer.join()
