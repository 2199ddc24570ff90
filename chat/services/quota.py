"""How many bytes of pictures, files and avatars are taken in: of one person in a day, and in all."""

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from chat.clock import SECOND, Clock
from chat.errors import ChatError, ErrorCode
from chat.models import StoredBytes
from chat.services.lookups import AnyConnection
from chat.storage.store import Store, WriteTransaction

DAY = 24 * 3600 * SECOND  # µs; it begins with the first byte that a person has stored


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageBounds:
    """The settings of these names (config.py), in bytes."""

    storage_per_day: int
    storage_max: int  # of the database; 0: no bound
    disk_free_min: int


class Quota:
    def __init__(self, store: Store, clock: Clock, bounds: StorageBounds) -> None:
        self._store = store
        self._clock = clock
        self._bounds = bounds

    def require_left(self, connection: AnyConnection, user_id: int) -> None:
        """Look before there is work to do. Raises QUOTA_USED where not a byte is left, STORAGE_FULL."""
        used, since = self._used(connection, user_id)
        if used >= self._bounds.storage_per_day:
            raise self._used_up(since)
        self.require_room(connection, 0)

    def take(self, tx: WriteTransaction, user_id: int, size: int) -> None:
        """Count bytes that the user stores, within the transaction that makes place for them.

        Raises QUOTA_USED, STORAGE_FULL.
        """
        used, since = self._used(tx, user_id)
        if used + size > self._bounds.storage_per_day:
            raise self._used_up(since)
        self.require_room(tx, size)
        values = {"since": since, "bytes": used + size}
        same = update(StoredBytes).where(StoredBytes.user_id == user_id)
        if not tx.execute(same.values(values)).rowcount:
            tx.execute(insert(StoredBytes).values(user_id=user_id, **values))

    def give_back(self, tx: WriteTransaction, user_id: int, size: int, taken_at: int) -> None:
        """Bytes that were counted at that time (µs) have not come after all."""
        used, since = self._used(tx, user_id)
        if since <= taken_at:
            same = update(StoredBytes).where(StoredBytes.user_id == user_id)
            tx.execute(same.values(bytes=max(0, used - size)))

    def require_room(self, connection: AnyConnection, size: int) -> None:
        """Raise STORAGE_FULL where so many bytes more are too many for the database, or for its disk."""
        most = self._bounds.storage_max
        if most and self._store.bytes_used(connection) + size > most:
            raise ChatError(ErrorCode.STORAGE_FULL)
        least = self._bounds.disk_free_min
        if least and self._store.disk_free() - size < least:
            raise ChatError(ErrorCode.STORAGE_FULL)

    def _used(self, connection: AnyConnection, user_id: int) -> tuple[int, int]:
        """Bytes in the user's day that has begun, and since when (µs)."""
        now = self._clock()
        row = connection.execute(
            select(StoredBytes.bytes, StoredBytes.since).where(StoredBytes.user_id == user_id)
        ).first()
        # From the future: the clock has jumped back, which is no reason to make anyone wait.
        return (row.bytes, row.since) if row is not None and row.since <= now < row.since + DAY else (0, now)

    def _used_up(self, since: int) -> ChatError:
        wait = (since + DAY - self._clock()) / SECOND
        return ChatError(ErrorCode.QUOTA_USED, limit=self._bounds.storage_per_day, retry_after=wait)
