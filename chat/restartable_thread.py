"""A background thread that can be stopped, and started again."""

import threading
from collections.abc import Callable


class RestartableThread:
    def __init__(self, name: str, run: Callable[[], object]) -> None:
        """run: returns soon after `stopping` is set."""
        self._name = name
        self._run = run
        self._thread: threading.Thread | None = None
        self.stopping = threading.Event()

    def start(self) -> None:
        """Start the thread; also after `stop`."""
        self.stopping.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, wake: Callable[[], object] = lambda: None) -> bool:
        """End the thread and wait for it. Idempotent; returns whether there was one.

        wake: ends a wait of `run` that `stopping` does not end.
        """
        self.stopping.set()
        wake()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        return thread is not None
