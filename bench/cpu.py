"""CPU time of other processes, by the kernel's clock of each one: exact, and of ended threads too."""

import gc
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """The process itself, and all that it and these have started."""
    found = [pid]
    for each in found:
        for path in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += map(int, path.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def seconds(pid: int) -> float:
    """User and system time of a process so far. Raises OSError if it has ended."""
    return time.clock_gettime((~pid << 3) | 2)  # CPUCLOCK_SCHED of the process, as clock_getcpuclockid(3) returns it


class Family:
    """A process and its descendants. What those used that have ended stays counted, as far as it was seen."""

    def __init__(self, pid: Callable[[], int | None]) -> None:
        self._pid = pid
        self._seen: dict[int, float] = {}

    def seconds(self) -> float:
        """CPU time of all of them so far."""
        pid = self._pid()
        for each in descendants(pid) if pid is not None else ():
            try:
                self._seen[each] = seconds(each)
            except OSError:
                continue
        return sum(self._seen.values())


def make_room(core: int) -> None:
    """Raise this process's descriptor limit, pin it to a core, and disable garbage collection."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {core})
    else:
        print("WARNING: one core only: the generator takes from what the server has", file=sys.stderr)  # noqa: T201
    gc.disable()
