"""Rate limiter buckets in the database (chat.ports.Buckets), shared by all processes and kept across restarts."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, select, text, update

from chat.clock import SECOND, Clock
from chat.models import RateLimit
from chat.ports import Store, Take, WriteTransaction
from chat.security.limits import Limit
from chat.services.access import run
from chat.storage.prepared import Prepared

CLOCKS_APART = 60 * SECOND  # µs; a time further in the future is from before our own clock jumped back
# Limit.take as one statement, so that takers at the same moment cannot both have the last one. No row: refused.
_take = Prepared(
    text("""
INSERT INTO rate_limits AS b (key, full_at) VALUES (:key, :now + :taken)
ON CONFLICT (key) DO UPDATE SET
full_at = CASE WHEN b.full_at > :now AND b.full_at <= :farthest THEN b.full_at ELSE :now END + :taken
WHERE CASE WHEN b.full_at > :now AND b.full_at <= :farthest THEN b.full_at ELSE :now END + :taken <= :deepest
RETURNING full_at
""")
)
_full_at = Prepared(select(RateLimit.full_at).where(RateLimit.key == bindparam("key")))


class _RefusedError(Exception):
    """Rolls the transaction back."""

    def __init__(self, take: Take, wait: float) -> None:
        super().__init__()
        self.refused = take, wait


class SqlBuckets:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def take(self, takes: Sequence[Take]) -> tuple[Take, float] | None:
        """Take from all buckets or from none. Returns the one that has too few, and the seconds to wait for it."""
        try:
            with self._store.write() as tx:
                for take in takes:
                    wait = self.take_within(tx, take)
                    if wait:
                        raise _RefusedError(take, wait)
        except _RefusedError as error:
            return error.refused
        return None

    def look(self, takes: Sequence[Take]) -> tuple[Take, float] | None:
        """Return what `take` would return, and take nothing."""
        with self._store.read() as connection:
            for take in takes:
                limit, key, count = take
                _, wait = limit.take(_state(connection, limit, key), self._clock(), count)
                if wait:
                    return take, wait
        return None

    def give_back(self, takes: Sequence[Take]) -> None:
        """Undo `take`."""
        with self._store.write() as tx:
            for limit, key, count in takes:
                given = RateLimit.full_at - limit.interval * count
                tx.execute(update(RateLimit).where(RateLimit.key == _name(limit, key)).values(full_at=given))

    def is_full(self, limit: Limit, key: object) -> bool:
        """Whether nothing was taken recently."""
        with self._store.read() as connection:
            return _state(connection, limit, key) <= self._clock()

    def take_within(self, tx: WriteTransaction, take: Take) -> float:
        """Take from one bucket in an open transaction. Returns 0, or the seconds to wait; nothing is taken then."""
        limit, key, count = take
        now, taken = self._clock(), limit.interval * count
        deepest = now + limit.interval * limit.burst
        values = {"key": _name(limit, key), "now": now, "taken": taken, "deepest": deepest}
        values["farthest"] = deepest + CLOCKS_APART
        if count <= limit.burst and tx.run(_take, values):
            return 0.0
        _, wait = limit.take(_state(tx, limit, key), now, count)
        return wait or limit.interval / SECOND

    def purge(self) -> None:
        """Delete buckets that are full again."""
        with self._store.write() as tx:
            tx.execute(delete(RateLimit).where(RateLimit.full_at < self._clock()))


def _name(limit: Limit, key: object) -> str:
    return f"{limit.name}:{key}"


def _state(connection: Connection | WriteTransaction, limit: Limit, key: object) -> int:
    return next((int(full_at) for (full_at,) in run(connection, _full_at, {"key": _name(limit, key)})), 0)
