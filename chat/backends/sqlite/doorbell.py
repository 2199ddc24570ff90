"""Detects other processes on the same SQLite file: each holds a lock on a doorbell file while it lives."""

import contextlib
import fcntl
import os
import struct
from pathlib import Path

_LOCK = "hhqqi"  # struct flock: type, whence, start, length, pid


def bell(database: Path) -> Path:
    """Return the path of the doorbell file, which is locked, and truncated to wake other processes."""
    return database.with_name(database.name + "-bell")


def ring(database: Path) -> None:
    """Wake the other processes: truncating the doorbell file triggers their inotify watch."""
    with contextlib.suppress(OSError):  # no process is listening, or they poll
        os.truncate(bell(database), 0)  # reported as a write although the file is empty


class Neighbours:
    """Registers this process until `close`. Raises OSError, AttributeError if such locks are not supported."""

    def __init__(self, database: Path) -> None:
        self._bell = bell(database)
        # The lock belongs to the open file, not the process: two applications in one process are separate neighbours.
        self._file = os.open(self._bell, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with contextlib.suppress(OSError):  # not the owner, or there is no database yet
                os.fchmod(self._file, database.stat().st_mode & 0o666)  # writers of the database may ring
            self._lock(fcntl.F_OFD_SETLK, fcntl.F_RDLCK)
            os.ftruncate(self._file, 0)
        except BaseException:
            os.close(self._file)
            raise

    def any(self) -> bool:
        """Whether other processes are registered."""
        return self._lock(fcntl.F_OFD_GETLK, fcntl.F_WRLCK) != fcntl.F_UNLCK

    def is_lost(self) -> bool:
        """Whether the file was removed or replaced, so that later processes would not find this one."""
        try:
            return not os.path.samestat(self._bell.stat(), os.fstat(self._file))
        except OSError:
            return True

    def close(self) -> None:
        os.close(self._file)

    def _lock(self, command: int, kind: int) -> int:
        found = fcntl.fcntl(self._file, command, struct.pack(_LOCK, kind, os.SEEK_SET, 0, 0, 0))
        return int(struct.unpack(_LOCK, found)[0])
