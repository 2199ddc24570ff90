"""Hearing of writes to the database as they happen (Linux's inotify), instead of looking again and again."""

import contextlib
import ctypes
import os
import select
import threading
from pathlib import Path

from chat.backends.sqlite.neighbours import Neighbours, bell

TICK_SECONDS = 0.02
IN_MODIFY = 0x2  # sys/inotify.h
_READ_BYTES = 64 * 1024


class FileWatch:
    """Wakes the one thread that waits when the database may have been written to. Raises OSError, AttributeError.

    A process that is alone with it knows of its own writes, and to wake up for each would cost it more than all else
    that is done for other processes: it waits for one to come.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._folder_watch: int | None = None
        self._neighbours: Neighbours | None = None
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._lock = threading.Lock()
        self._is_open = True
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._inotify = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._folder_watch = self._watch(database.parent)
            self._settle_in()
        except BaseException:
            self.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._inotify, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def _watch(self, path: Path) -> int:
        watch = self._libc.inotify_add_watch(self._inotify, os.fsencode(path), IN_MODIFY)
        if watch < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
        return int(watch)

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
        """Hear of all writes from here on where other processes share the database, else of their coming only.

        False where that is not to be had just now (too many watches of this user's): then only looking helps.
        """
        try:
            neighbours = self._neighbours
            if neighbours is None or neighbours.is_lost():
                neighbours = self._settle_in()
            is_shared = neighbours.any()
            if is_shared and self._folder_watch is None:
                self._folder_watch = self._watch(self._database.parent)
        except OSError:
            return False
        if not is_shared and self._folder_watch is not None:
            self._libc.inotify_rm_watch(self._inotify, self._folder_watch)
            self._folder_watch = None
        return True

    def wait(self, seconds: float) -> bool:
        """Whether something was written, or wake was called, since the last call; after so many seconds: no."""
        found = self._poll.poll(seconds * 1000)
        for descriptor, _ in found:
            with contextlib.suppress(BlockingIOError):
                os.read(descriptor, _READ_BYTES)
        return bool(found)

    def wake(self) -> None:
        """End the wait, from any thread."""
        with self._lock:  # once closed, the descriptor's number may be another's
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
    """For systems without: something may always have been written."""

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
    """The better of the two that this system has."""
    try:
        return FileWatch(database)
    except (OSError, AttributeError):  # too many of this user's, or not Linux
        return Tick()
