"""Rate limits (specs, "Rate limits"): the ones that hold over all processes are kept in the database."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import RateLimit
from chat.security.limits import Limit, MemoryBuckets
from chat.storage.store import Store, WriteTransaction


class Limits:
    def __init__(self, store: Store, clock: Clock, *, enabled: bool) -> None:
        self._store = store
        self._clock = clock
        self._enabled = enabled
        self._memory = MemoryBuckets()

    def take(self, limit: Limit, key: object) -> None:
        """Take one from a bucket of this process. Raises RATE_LIMITED with retry_after in seconds."""
        if self._enabled:
            wait = self._memory.take(limit, key, self._clock())
            if wait:
                raise ChatError(ErrorCode.RATE_LIMITED, retry_after=wait)

    def take_shared(self, *wanted: tuple[Limit, object]) -> None:
        """Take one from each bucket, or from none. Raises RATE_LIMITED with retry_after in seconds."""
        if not self._enabled:
            return
        now = self._clock()
        with self._store.write() as tx:
            new_states = {}
            for limit, key in wanted:
                state, wait = limit.take(_state(tx, limit, key), now)
                if wait:
                    raise ChatError(ErrorCode.RATE_LIMITED, retry_after=wait)
                new_states[_name(limit, key)] = state
            for name, state in new_states.items():
                _put(tx, name, state)

    def give_back(self, wanted: Sequence[tuple[Limit, object]]) -> None:
        """Undo take_shared: what was to be limited did not happen."""
        if not self._enabled:
            return
        with self._store.write() as tx:
            for limit, key in wanted:
                _put(tx, _name(limit, key), _state(tx, limit, key) - limit.interval)

    def purge(self) -> None:
        """Drop buckets that are full again."""
        with self._store.write() as tx:
            tx.execute(delete(RateLimit).where(RateLimit.full_at < self._clock()))


def _name(limit: Limit, key: object) -> str:
    return f"{limit.name}:{key}"


def _state(tx: WriteTransaction, limit: Limit, key: object) -> int:
    return tx.execute(select(RateLimit.full_at).where(RateLimit.key == _name(limit, key))).scalar() or 0


def _put(tx: WriteTransaction, name: str, state: int) -> None:
    if not tx.execute(update(RateLimit).where(RateLimit.key == name).values(full_at=state)).rowcount:
        tx.execute(insert(RateLimit).values(key=name, full_at=state))
