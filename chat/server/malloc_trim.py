"""Returns memory to the system: glibc keeps freed memory below the highest block in use."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

GROWN_BYTES = 16 * 1024 * 1024  # growth since the last time that is worth a check
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
    """Trims the heap after growth of the process. Runs in a thread, because it takes some milliseconds."""

    def __init__(self, resident: Callable[[], int] = resident_bytes, trim: Callable[[], None] = _trim) -> None:
        self._resident = resident
        self._trim = trim
        self._least = resident()

    def give_back(self) -> None:
        """Return free memory if the process has grown since the last time."""
        if self._resident() > self._least + GROWN_BYTES:
            self._trim()
            self._least = self._resident()
        else:
            self._least = min(self._least, self._resident())
