"""Rate limits (docs/specification.md, "Rate limits").

Frequent ones are kept in this process, those of all processes in Redis if there is one, else in the database. Limits
that belong to a transaction, and roll back with it, are always in the database.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from chat.clock import Clock
from chat.errors import ChatError
from chat.lanes import Lane, current_lane
from chat.ports import Buckets, SharedAwayError, Store, Take, WriteTransaction
from chat.security.events import SecurityLog
from chat.security.limits import Limit, MemoryBuckets
from chat.services.buckets import SqlBuckets

Bucket = tuple[Limit, object]
_FIRST_LANES = frozenset({None, Lane.REST})
T = TypeVar("T")


class Limits:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        security_log: SecurityLog,
        *,
        enabled: bool,
        other_hosts: bool = False,
        shared: Buckets | None = None,
    ) -> None:
        """other_hosts: there may be some. shared: outside of the database, which takes over while that is away."""
        self._security_log = security_log
        self._clock = clock
        self._enabled = enabled
        self._memory = MemoryBuckets()
        self._sql = SqlBuckets(store, clock)
        self._shared = shared
        self._has_other_workers = other_hosts
        self.over_workers = False  # whether limits kept in memory must also be kept in the database

    @property
    def enabled(self) -> bool:
        """Whether rate limits apply at all."""
        return self._enabled

    @property
    def has_other_workers(self) -> bool:
        """Whether several processes may serve the same users."""
        return self._has_other_workers

    def hold_over_workers(self) -> None:
        """Note that several processes serve the same users, so limits in memory count only a part of the requests."""
        self._has_other_workers = True
        self.over_workers = self._enabled and self._shared is None

    def take(self, limit: Limit, key: object) -> None:
        """Take one from a bucket of this process. Raises RATE_LIMITED with retry_after in seconds."""
        if self._enabled:
            wait = self._memory.take(limit, key, self._clock())
            if wait:
                raise self._security_log.refuse(limit, key, wait)

    def take_often(self, limit: Limit, key: object) -> None:
        """Take one from a bucket of this process, and from that of all processes if there is one outside of the
        database. While that is away, the first one is enough. Raises RATE_LIMITED with retry_after in seconds.
        """
        self.take(limit, key)
        if self._enabled and self._shared is not None:
            try:
                refused = self._shared.take([(limit, key, 1)])
            except SharedAwayError:
                return
            if refused is not None:
                raise self._security_log.refuse(limit, key, refused[1])

    def give_back(self, limit: Limit, key: object) -> None:
        """Return one to a bucket of this process."""
        if self._enabled:
            self._memory.give_back(limit, key)

    def check_shared(self, *buckets: Bucket) -> None:
        """Check that each bucket has at least one left. Raises RATE_LIMITED with retry_after in seconds."""
        if self._enabled:
            takes = [(limit, key, 1) for limit, key in buckets]
            self._require(self._in_shared(lambda shared: shared.look(takes)))

    def take_shared(self, *buckets: Bucket) -> None:
        """Take one from each bucket. Raises RATE_LIMITED with retry_after in seconds."""
        self.take_each([(limit, key, 1) for limit, key in buckets])

    def take_each(self, takes: Sequence[Take]) -> Callable[[], None]:
        """Take from all of the buckets. Returns how to undo it. Raises RATE_LIMITED, and nothing is taken."""
        if not self._enabled:
            return lambda: None

        def take(shared: Buckets) -> Callable[[], None]:
            self._require(shared.take(takes))
            return lambda: self._give_back(shared, takes)

        return self._in_shared(take)

    def is_full(self, limit: Limit, key: object) -> bool:
        """Whether the bucket is full, so nothing was taken from it recently."""
        return self._in_shared(lambda shared: shared.is_full(limit, key))

    def take_within(self, tx: WriteTransaction, limit: Limit, key: object, count: int = 1) -> None:
        """Take `count` (at most the limit's burst) in an open transaction, which must be rolled back if this raises.

        Raises RATE_LIMITED with retry_after in seconds.
        """
        if self._enabled:
            take = (limit, key, count)
            wait = self._sql.take_within(tx, take)
            self._require((take, wait) if wait else None)

    def purge(self) -> None:
        """Delete buckets that are full again."""
        self._sql.purge()

    def _in_shared(self, call: Callable[[Buckets], T]) -> T:
        """Call with the buckets of all processes. Raises UNAVAILABLE."""
        if self._shared is not None:
            with contextlib.suppress(SharedAwayError):
                return call(self._shared)
        return call(self._sql)

    @staticmethod
    def _give_back(shared: Buckets, takes: Sequence[Take]) -> None:
        """Undo a take where it was made; if that is away by now, its buckets fill up by themselves."""
        with contextlib.suppress(SharedAwayError):
            shared.give_back(takes)

    def _require(self, refused: tuple[Take, float] | None) -> None:
        if refused is not None:
            (limit, key, _), wait = refused
            raise self._security_log.refuse(limit, key, wait)


class Requests:
    """Rate limit on requests, frames and lines of each logged-in person; in memory, per process, as there are many.

    A held pull is free; a pull answered at once counts.
    """

    def __init__(self, limits: Limits, *, at_once: int, per_second: int) -> None:
        self._limits = limits
        self._limit = Limit("requests", burst=at_once, seconds=at_once / per_second)

    def count(self, user_id: int) -> None:
        """Raises RATE_LIMITED. A request that moves to another lane was counted in the first one."""
        if current_lane() in _FIRST_LANES:
            self._limits.take(self._limit, user_id)

    def count_on_loop(self, user_id: int) -> bool:
        """Count a pull that the loop answers immediately, and return whether it is allowed."""
        try:
            self._limits.take(self._limit, user_id)
        except ChatError:
            return False
        return True

    def held(self, user_id: int) -> None:
        """Refund a counted pull that is now held."""
        self._limits.give_back(self._limit, user_id)
