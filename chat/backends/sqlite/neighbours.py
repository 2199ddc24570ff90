"""Whether other processes share the SQLite file: each holds a lock on a file beside it, for as long as it lives."""

import contextlib
import fcntl
import os
import struct
from pathlib import Path

_LOCK = "hhqqi"  # struct flock: type, whence, start, length, pid


def bell(database: Path) -> Path:
    """The file that is locked, and touched for the others to hear of."""
    return database.with_name(database.name + "-bell")


def ring(database: Path) -> None:
    """Have the processes that share the database look at it, whether or not this one is among them."""
    with contextlib.suppress(OSError):  # nobody is there; or they look anyway, a little later
        os.truncate(bell(database), 0)  # heard as a write, though it takes no space


class Neighbours:
    """This process is one of them, until close. Raises OSError, AttributeError where such locks are not to be had."""

    def __init__(self, database: Path) -> None:
        self._bell = bell(database)
        # The lock is this open file's, not the process's: another application in the process is another neighbour.
        self._file = os.open(self._bell, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with contextlib.suppress(OSError):  # not the owner; or there is no database yet
                os.fchmod(self._file, database.stat().st_mode & 0o666)  # who may write to it may ring
            self._lock(fcntl.F_OFD_SETLK, fcntl.F_RDLCK)
            os.ftruncate(self._file, 0)
        except BaseException:
            os.close(self._file)
            raise

    def any(self) -> bool:
        """Whether there are others."""
        return self._lock(fcntl.F_OFD_GETLK, fcntl.F_WRLCK) != fcntl.F_UNLCK

    def is_lost(self) -> bool:
        """Whether the file was removed or replaced, so that who comes later does not find this one."""
        try:
            return not os.path.samestat(self._bell.stat(), os.fstat(self._file))
        except OSError:
            return True

    def close(self) -> None:
        os.close(self._file)

    def _lock(self, command: int, kind: int) -> int:
        found = fcntl.fcntl(self._file, command, struct.pack(_LOCK, kind, os.SEEK_SET, 0, 0, 0))
        return int(struct.unpack(_LOCK, found)[0])
