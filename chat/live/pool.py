"""A few threads for the work. The one that rested last goes first: what it ran is still in the caches."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

log = logging.getLogger("gunicorn.error")
Job = tuple[Callable[..., None], tuple[Any, ...]]


class Pool:
    """So many threads, which end with the process, whatever they do."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._waiting: deque[Job] = deque()  # no more than there are connections: each has one at a time
        self._resting = [_Thread(self, f"work_{number}") for number in range(threads)]
        for thread in self._resting:
            thread.start()

    def submit(self, work: Callable[..., None], *args: Any) -> None:
        """Run it, after what is waiting for a thread already."""
        with self._lock:
            if self._resting:
                self._resting.pop().go_on((work, args))
            else:
                self._waiting.append((work, args))

    @property
    def rests(self) -> bool:
        """Whether there is nothing to be done."""
        return len(self._resting) == self._threads

    def next_job(self, thread: "_Thread") -> Job | None:
        """For a thread that is through with one; None: it rests until it is told to go on."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._resting.append(thread)
            return None


class _Thread(threading.Thread):
    def __init__(self, pool: Pool, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._pool = pool
        self._job: Job | None = None
        self._told = threading.Lock()
        self._told.acquire()

    def go_on(self, job: Job) -> None:
        self._job = job
        self._told.release()

    def run(self) -> None:
        while True:
            self._told.acquire()
            job, self._job = self._job, None
            while job is not None:
                work, args = job
                try:
                    work(*args)
                except BaseException:  # a thread less would be one less for good
                    log.exception("work in a thread failed")
                del work, args  # what rests keeps nothing alive
                job = self._pool.next_job(self)
