"""The load of each worker, in memory that all workers share, and by it the worker that takes new connections."""

import mmap
import time
from collections.abc import Iterator
from dataclasses import dataclass

ROWS = 512  # by a worker's number in the order of starts; more than there are workers at a time
GONE_SECONDS = 3.0  # a worker that has written nothing for so long is stuck, or no more
TOGETHER = 0.8  # of enough: two workers that have no more load than this become one
_AT, _LOAD, _CONNECTIONS, _ACCEPTED = range(4)
_COLUMNS = 4
_END = -1  # the last cell: behind the last row in use. Of two workers that begin at once, one may be seen 1 s later


@dataclass(frozen=True, slots=True)
class Row:
    """The last facts that a worker has written."""

    number: int
    load: float  # 0 to 1
    connections: float  # and a half if it accepts them: it goes on rather than one that would have to begin


class LoadTable:
    """Made by gunicorn's master before it forks the workers; each writes its own row."""

    def __init__(self, enough: float) -> None:
        """enough: the load (0 to 1) from which a worker leaves new connections to others."""
        self.enough = enough
        self._cells = memoryview(mmap.mmap(-1, (ROWS * _COLUMNS + 1) * 8)).cast("d")

    def write(self, row: int, *, load: float, connections: int, accepts: bool = False) -> None:
        """Tell the other workers; at least once in GONE_SECONDS. accepts: it accepts connections now."""
        first = row * _COLUMNS
        self._cells[first + _LOAD] = load
        self._cells[first + _CONNECTIONS] = connections + (0.5 if accepts else 0.0)
        self._cells[first + _AT] = time.monotonic()
        self._cells[_END] = max(self._cells[_END], row + 1)

    def count_accepted(self, row: int) -> None:
        """Count a connection that the worker has accepted."""
        self._cells[row * _COLUMNS + _ACCEPTED] += 1
        self._cells[row * _COLUMNS + _CONNECTIONS] += 1  # until it writes again

    def accepted(self, row: int) -> float:
        """Return how many connections the worker has accepted."""
        return self._cells[row * _COLUMNS + _ACCEPTED]

    def taker(self) -> int | None:
        """Return the row of the worker that is to take new connections; None: all of them.

        Of those with room it is the one with the most connections, so that few workers have to hear of each message.
        """
        with_room = [row for row in self._alive() if row.load < self.enough]
        if not with_room:
            return None
        return max(with_room, key=lambda row: (row.connections, -row.number)).number

    def has_idle(self) -> bool:
        """Whether there is a worker with much room, so that a busy one may hand clients over."""
        return any(row.load < self.enough / 2 for row in self._alive())

    def can_take_over(self, row: int) -> bool:
        """Whether the worker that is to take new connections has room for all clients of this one too."""
        taker = self.taker()
        return taker is not None and taker != row and self._load(taker) + self._load(row) < TOGETHER * self.enough

    def _load(self, row: int) -> float:
        return self._cells[row * _COLUMNS + _LOAD]

    def _alive(self) -> Iterator[Row]:
        since = time.monotonic() - GONE_SECONDS
        for number in range(int(self._cells[_END])):
            if self._cells[number * _COLUMNS + _AT] > since:
                yield Row(number, self._load(number), self._cells[number * _COLUMNS + _CONNECTIONS])
