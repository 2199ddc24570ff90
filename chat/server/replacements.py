"""Replaces workers that ended, and tries again after a pause when a replacement cannot boot.

gunicorn's master ends, and all workers with it, when a worker cannot boot or be forked; or it forks without a pause.
"""

import mmap
import time
from typing import Any

from gunicorn.errors import HaltServer

from chat.server.error_lines import in_one_line
from chat.server.handover import Handover

PAUSE_SECONDS = 5.0
_READY = 1


class BootReport:
    """How far a worker has come, in memory that it shares with gunicorn's master, which makes it before the fork."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)

    def ready(self) -> None:
        """Note, in the worker, that it accepts connections."""
        self._page[0] = _READY

    def failed(self, error: BaseException) -> None:
        """Note, in the worker, why it cannot boot."""
        line = in_one_line(error).encode(errors="replace")[: mmap.PAGESIZE - 1]
        self._page[1 : 1 + len(line)] = line

    @property
    def is_ready(self) -> bool:
        """Whether it has accepted connections, also of a worker that has ended since."""
        return self._page[0] == _READY

    @property
    def reason(self) -> str:
        """Return why it could not boot, in one line; "": it can, or was ended from outside."""
        return self._page[1:].rstrip(b"\0").decode(errors="replace")


class Replacements:
    """Takes the place of those methods of gunicorn's master that wait for workers and fork them.

    Until the first worker is ready, they are gunicorn's: a start that fails ends the program.
    """

    def __init__(self, server: Any, handover: Handover) -> None:
        self._server, self._handover = server, handover
        self._pauses_until = 0.0  # time.monotonic() s
        self._told: tuple[str, int] | None = None  # the failure in the log, with the number of workers then
        self._reap, self._manage = server.reap_workers, server.manage_workers
        server.reap_workers, server.manage_workers = self._reap_workers, self._manage_workers

    def _reap_workers(self) -> None:
        before = dict(self._server.WORKERS)
        self._look()
        while True:
            try:
                self._reap()
                break
            except HaltServer:  # it failed in a hook, before it could report
                if not self._handover.has_served:
                    raise
        ended = [worker.boot for pid, worker in before.items() if pid not in self._server.WORKERS]
        failed = [boot for boot in ended if not boot.is_ready]
        if failed and self._is_short() and self._server.LISTENERS:  # without them, it stops
            self._pause(failed[-1].reason or "It ended while it was loading.")

    def _manage_workers(self) -> None:
        self._look()
        if self._is_short() and time.monotonic() < self._pauses_until:
            return
        try:
            self._manage()
        except OSError as error:  # no process or file to be had
            if not self._handover.has_served:
                raise
            self._pause(in_one_line(error))

    def _look(self) -> None:
        """Note whether workers are ready."""
        if self._serving():
            self._handover.has_served = True
        if self._told and not self._is_short() and self._serving() >= self._server.num_workers:
            self._told = None
            self._server.log.warning("All workers serve again.")

    def _is_short(self) -> bool:
        return bool(len(self._server.WORKERS) < self._server.num_workers)

    def _serving(self) -> int:
        return sum(worker.boot.is_ready for worker in self._server.WORKERS.values())

    def _pause(self, reason: str) -> None:
        self._pauses_until = time.monotonic() + PAUSE_SECONDS
        serving = self._serving()
        if self._told != (reason, serving):
            self._told = (reason, serving)
            rest = (
                f"{serving} of {self._server.num_workers} serve on" if serving else "NO WORKER SERVES, connections wait"
            )
            words = "A worker cannot start, and is tried again every %g s; %s. %s"
            self._server.log.error(words, PAUSE_SECONDS, rest, reason)
