"""Hearing of writes to a folder's files as they happen (Linux's inotify), instead of looking again and again."""

import contextlib
import ctypes
import os
import select
import threading
from pathlib import Path

TICK_SECONDS = 0.02
IN_MODIFY = 0x2  # sys/inotify.h
_READ_BYTES = 64 * 1024


class FileWatch:
    """Wakes the one thread that waits when a file in the folder is written to. Raises OSError, AttributeError."""

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._inotify = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._inotify < 0 or libc.inotify_add_watch(self._inotify, os.fsencode(folder), IN_MODIFY) < 0:
            error = ctypes.get_errno()
            self.close()
            raise OSError(error, os.strerror(error))
        self._poll = select.poll()
        self._poll.register(self._inotify, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """Whether something was written, or wake was called, since the last call; after so many seconds: no."""
        found = self._poll.poll(seconds * 1000)
        for descriptor, _ in found:
            with contextlib.suppress(BlockingIOError):
                os.read(descriptor, _READ_BYTES)
        return bool(found)

    def wake(self) -> None:
        """End the wait, from any thread."""
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        for descriptor in (self._inotify, self._wake):
            if descriptor >= 0:
                os.close(descriptor)


class Tick:
    """For systems without: something may always have been written."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def wait(self, seconds: float) -> bool:
        self._event.wait(min(seconds, TICK_SECONDS))
        self._event.clear()
        return True

    def wake(self) -> None:
        self._event.set()

    def close(self) -> None:
        pass


def watch(folder: Path) -> FileWatch | Tick:
    """The better of the two that this system has."""
    try:
        return FileWatch(folder)
    except (OSError, AttributeError):  # too many of this user's, or not Linux
        return Tick()
