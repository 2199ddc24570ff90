"""Giving memory back to the system: glibc keeps what was freed below its highest block in use."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

GROWN_BYTES = 16 * 1024 * 1024  # since the last time: then it is worth a look
_STATM = Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Of this process; 0 where the system does not say so."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def _trim() -> None:
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except AttributeError:  # another C library
        return
    trim(0)  # without the GIL


class Heap:
    """Trims the heap each time that the process has grown. In a thread: it takes some milliseconds."""

    def __init__(self, resident: Callable[[], int] = resident_bytes, trim: Callable[[], None] = _trim) -> None:
        self._resident = resident
        self._trim = trim
        self._least = resident()

    def give_back(self) -> None:
        """Where it has grown since the last time, give back what is free."""
        if self._resident() > self._least + GROWN_BYTES:
            self._trim()
            self._least = self._resident()
        else:
            self._least = min(self._least, self._resident())
