"""PostgreSQL's snapshots as points in the order of commits."""

from typing import NamedTuple

from chat.models import Event


class Snapshot(NamedTuple):
    """Which transactions were committed: those below xmax, but for the ones in progress. An Event's id is its xid."""

    xmin: int
    xmax: int
    in_progress: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """Parse what pg_current_snapshot() gives, say 10:14:10,12."""
        xmin, xmax, xids = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(map(int, filter(None, xids.split(",")))))

    def shows(self, event: Event) -> bool:
        """Whether the transaction that wrote the event was committed by then."""
        return event.id < self.xmax and event.id not in self.in_progress
