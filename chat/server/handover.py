"""The order of a reload (SIGHUP): old workers serve until a new one is ready, in memory that all processes share.

gunicorn tells the old workers to stop as soon as it has forked the new ones, which take 1 to 4 s to load.
"""

import mmap

_RELOADS, _READY = range(2)
_CELLS = 2


class Handover:
    """Made by gunicorn's master before the first fork."""

    has_served = False  # as the master knew when this process was forked: a failure is no longer one of the start

    def __init__(self) -> None:
        self._cells = memoryview(mmap.mmap(-1, _CELLS * 8)).cast("q")

    def begin_reload(self) -> None:
        """Note, in the master, that the workers forked from now on replace all others."""
        self._cells[_RELOADS] += 1

    def generation(self) -> int:
        """Return the number of reloads so far, in a worker that was just forked: its generation."""
        return self._cells[_RELOADS]

    def ready(self, generation: int) -> None:
        """Note that a worker of this generation accepts connections."""
        self._cells[_READY] = max(self._cells[_READY], generation)

    def is_awaited(self, generation: int) -> bool:
        """Whether workers that replace this generation are loading, and none is ready."""
        return self._cells[_RELOADS] > generation >= self._cells[_READY]
