"""Returns memory to the system: glibc keeps freed memory below the highest block in use."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

GROWN_BYTES = 16 * 1024 * 1024  # more than the least so far: worth a trim
LOOKS_MAX = 8  # between two trims while the memory is in use
_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Resident bytes of this process; 0 if the system does not report them."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def _trim() -> None:
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except AttributeError:  # another C library
        return
    trim(0)  # releases the GIL


class Heap:
    """Trims the heap while the process is larger than it has been."""

    def __init__(self, resident: Callable[[], int] = resident_bytes, trim: Callable[[], None] = _trim) -> None:
        self._resident = resident
        self._trim = trim
        self._least = resident()
        self._pause = 1  # looks from one trim to the next; doubled while trims return little
        self._looks = 0  # since the last trim

    def is_due(self) -> bool:
        """Look whether the process has grown, less often while little memory was free."""
        resident = self._resident()
        self._least = min(self._least, resident)
        self._looks += 1
        if resident <= self._least + GROWN_BYTES:
            self._pause = 1
            return False
        return self._looks >= self._pause

    def give_back(self) -> None:
        """Return free memory. In a thread, because it takes some milliseconds."""
        before = self._resident()
        self._trim()
        freed = before - self._resident()
        self._pause = 1 if freed > GROWN_BYTES else min(2 * self._pause, LOOKS_MAX)
        self._looks = 0
