"""Waits for the doorbell of other processes by inotify (Linux), instead of polling."""

import contextlib
import ctypes
import os
import select
import threading
from pathlib import Path

from chat.backends.sqlite.doorbell import Neighbours, bell, ring

TICK_SECONDS = 0.02
IN_MODIFY = 0x2  # sys/inotify.h
_READ_BYTES = 64 * 1024


class FileWatch:
    """Wakes one waiting thread when another process has rung, or come. Raises OSError, AttributeError.

    A process that uses the database alone need not ring: it would only wake itself.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._neighbours: Neighbours | None = None
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._lock = threading.Lock()
        self._is_open = True
        self.is_shared = True  # whether other processes use the database, as far as is known
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._inotify = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._settle_in()
        except BaseException:
            self.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._inotify, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def _watch(self, path: Path) -> None:
        if self._libc.inotify_add_watch(self._inotify, os.fsencode(path), IN_MODIFY) < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    def _settle_in(self) -> Neighbours:
        fresh = Neighbours(self._database)
        try:
            self._watch(bell(self._database))
        except BaseException:
            fresh.close()
            raise
        if self._neighbours is not None:
            self._neighbours.close()
        self._neighbours = fresh
        return fresh

    def attend(self) -> bool:
        """Find out whether other processes share the database.

        Returns False if the bell cannot be watched (too many watches of this user); the caller must poll then.
        """
        try:
            neighbours = self._neighbours
            if neighbours is None or neighbours.is_lost():
                neighbours = self._settle_in()
            is_shared = neighbours.any()
        except OSError:
            self.is_shared = True
            return False
        has_come = is_shared and not self.is_shared
        self.is_shared = is_shared
        if has_come:  # it was not told of what was committed since it began
            ring(self._database)
        return True

    def wait(self, seconds: float) -> bool:
        """Return whether there was a ring, or a call of `wake`, since the last call; False after the timeout in
        seconds.
        """
        found = self._poll.poll(seconds * 1000)
        for descriptor, _ in found:
            with contextlib.suppress(BlockingIOError):
                os.read(descriptor, _READ_BYTES)
        return bool(found)

    def wake(self) -> None:
        """End the wait, from any thread."""
        with self._lock:  # a closed descriptor's number may be reused
            if self._is_open:
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        with self._lock:
            self._is_open = False
            for descriptor in (self._inotify, self._wake):
                if descriptor >= 0:
                    os.close(descriptor)
        if self._neighbours is not None:
            self._neighbours.close()


class Tick:
    """The fallback without inotify: reports a possible write at every interval."""

    is_shared = True

    def __init__(self) -> None:
        self._event = threading.Event()

    def wait(self, seconds: float) -> bool:
        self._event.wait(min(seconds, TICK_SECONDS))
        self._event.clear()
        return True

    def attend(self) -> bool:
        return True

    def wake(self) -> None:
        self._event.set()

    def close(self) -> None:
        pass


def watch(database: Path) -> FileWatch | Tick:
    """Return the best implementation available."""
    try:
        return FileWatch(database)
    except (OSError, AttributeError):  # too many watches of this user, or not Linux
        return Tick()
