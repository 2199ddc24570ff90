"""Rate limits (docs/specification.md, "Rate limits"); those shared by all processes are kept in the database."""

from sqlalchemy import Connection, delete, select, text, update

from chat.clock import SECOND, Clock
from chat.models import RateLimit
from chat.ports import Store, WriteTransaction
from chat.security.events import SecurityLog
from chat.security.limits import Limit, MemoryBuckets

Bucket = tuple[Limit, object]
CLOCKS_APART = 60 * SECOND  # µs; what is further in the future is no other process's clock, but ours has jumped back
# Limit.take as one statement, so that takers at the same moment cannot both have the last one. No row: refused.
_take = text("""
INSERT INTO rate_limits AS b (key, full_at) VALUES (:key, :now + :taken)
ON CONFLICT (key) DO UPDATE SET
full_at = CASE WHEN b.full_at > :now AND b.full_at <= :farthest THEN b.full_at ELSE :now END + :taken
WHERE CASE WHEN b.full_at > :now AND b.full_at <= :farthest THEN b.full_at ELSE :now END + :taken <= :deepest
RETURNING full_at
""")


class Limits:
    def __init__(self, store: Store, clock: Clock, security_log: SecurityLog, *, enabled: bool) -> None:
        self._store = store
        self._security_log = security_log
        self._clock = clock
        self._enabled = enabled
        self._memory = MemoryBuckets()
        self._over_workers = False

    @property
    def enabled(self) -> bool:
        """Whether rate limits apply at all."""
        return self._enabled

    @property
    def over_workers(self) -> bool:
        """Whether limits kept in memory must also be kept in the database."""
        return self._enabled and self._over_workers

    @property
    def has_other_workers(self) -> bool:
        """Whether several processes serve the same users."""
        return self._over_workers

    def hold_over_workers(self) -> None:
        """Note that several processes serve the same users, so limits in memory count only a part of the requests."""
        self._over_workers = True

    def take(self, limit: Limit, key: object) -> None:
        """Take one from a bucket of this process. Raises RATE_LIMITED with retry_after in seconds."""
        if self._enabled:
            wait = self._memory.take(limit, key, self._clock())
            if wait:
                raise self._security_log.refuse(limit, key, wait)

    def give_back(self, limit: Limit, key: object) -> None:
        """Return one to a bucket of this process."""
        if self._enabled:
            self._memory.give_back(limit, key)

    def check_shared(self, *buckets: Bucket) -> None:
        """Check that each bucket has at least one left. Raises RATE_LIMITED with retry_after in seconds."""
        if not self._enabled:
            return
        with self._store.read() as connection:
            for limit, key in buckets:
                _, wait = limit.take(_state(connection, limit, key), self._clock())
                if wait:
                    raise self._security_log.refuse(limit, key, wait)

    def take_shared(self, *buckets: Bucket) -> None:
        """Take one from each bucket. Raises RATE_LIMITED with retry_after in seconds."""
        if self._enabled:
            with self._store.write() as tx:
                for limit, key in buckets:
                    self.take_within(tx, limit, key)

    def take_within(self, tx: WriteTransaction, limit: Limit, key: object, count: int = 1) -> None:
        """Take `count` (at most the limit's burst) in an open transaction, which must be rolled back if this raises.

        Raises RATE_LIMITED with retry_after in seconds.
        """
        if not self._enabled:
            return
        now, taken = self._clock(), limit.interval * count
        name = _name(limit, key)
        deepest = now + limit.interval * limit.burst
        values = {"key": name, "now": now, "taken": taken, "deepest": deepest, "farthest": deepest + CLOCKS_APART}
        if count <= limit.burst and tx.execute(_take, values).first() is not None:
            return
        _, wait = limit.take(_state(tx, limit, key), now, count)
        raise self._security_log.refuse(limit, key, wait or limit.interval / SECOND)

    def give_back_within(self, tx: WriteTransaction, limit: Limit, key: object, count: int = 1) -> None:
        """Undo take_within."""
        given = RateLimit.full_at - limit.interval * count
        tx.execute(update(RateLimit).where(RateLimit.key == _name(limit, key)).values(full_at=given))

    def is_full_within(self, tx: WriteTransaction, limit: Limit, key: object) -> bool:
        """Whether the bucket is full, so nothing was taken from it recently."""
        return _state(tx, limit, key) <= self._clock()

    def purge(self) -> None:
        """Delete buckets that are full again."""
        with self._store.write() as tx:
            tx.execute(delete(RateLimit).where(RateLimit.full_at < self._clock()))


def _name(limit: Limit, key: object) -> str:
    return f"{limit.name}:{key}"


def _state(connection: Connection | WriteTransaction, limit: Limit, key: object) -> int:
    return connection.execute(select(RateLimit.full_at).where(RateLimit.key == _name(limit, key))).scalar() or 0
