"""Storage quotas for pictures, files and avatars: bytes per person and day, and in all."""

from dataclasses import dataclass

from sqlalchemy import select, text, update

from chat.clock import SECOND, Clock
from chat.errors import ChatError, ErrorCode
from chat.models import StoredBytes
from chat.ports import Store, WriteTransaction
from chat.services.access import AnyConnection

DAY = 24 * 3600 * SECOND  # µs; begins with the first byte that a person stores

# One statement, so that takers at the same moment cannot both have the last bytes. No row: used up.
_take = text("""
INSERT INTO stored_bytes AS b (user_id, since, bytes) VALUES (:user, :now, :size)
ON CONFLICT (user_id) DO UPDATE SET
since = CASE WHEN b.since <= :now AND :now < b.since + :day THEN b.since ELSE :now END,
bytes = CASE WHEN b.since <= :now AND :now < b.since + :day THEN b.bytes ELSE 0 END + :size
WHERE CASE WHEN b.since <= :now AND :now < b.since + :day THEN b.bytes ELSE 0 END + :size <= :most
RETURNING bytes
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageBounds:
    """The settings with the same names (config.py), in bytes."""

    storage_per_day: int
    storage_max: int  # of the database; 0: unlimited
    disk_free_min: int


class Quota:
    def __init__(self, store: Store, clock: Clock, bounds: StorageBounds) -> None:
        self._store = store
        self._clock = clock
        self._bounds = bounds

    def require_left(self, connection: AnyConnection, user_id: int) -> None:
        """Check before expensive work. Raises QUOTA_USED if the quota is exhausted, STORAGE_FULL."""
        used, since = self._used(connection, user_id)
        if used >= self._bounds.storage_per_day:
            raise self._used_up(since)
        self.require_room(connection, 0)

    def take(self, tx: WriteTransaction, user_id: int, size: int) -> None:
        """Count bytes that the user stores, in the transaction that reserves the space.

        Raises QUOTA_USED, STORAGE_FULL.
        """
        most = self._bounds.storage_per_day
        values = {"user": user_id, "now": self._clock(), "day": DAY, "size": size, "most": most}
        if size > most or tx.execute(_take, values).first() is None:
            raise self._used_up(self._used(tx, user_id)[1])
        self.require_room(tx, size)

    def give_back(self, tx: WriteTransaction, user_id: int, size: int, taken_at: int) -> None:
        """Refund bytes that were counted at `taken_at` (µs) but not stored."""
        used, since = self._used(tx, user_id)
        if since <= taken_at:
            same = update(StoredBytes).where(StoredBytes.user_id == user_id)
            tx.execute(same.values(bytes=max(0, used - size)))

    def require_room(self, connection: AnyConnection, size: int) -> None:
        """Raise STORAGE_FULL if the database or its disk has no space for this many bytes."""
        most = self._bounds.storage_max
        if most and self._store.bytes_used(connection) + size > most:
            raise ChatError(ErrorCode.STORAGE_FULL)
        least = self._bounds.disk_free_min
        free = self._store.disk_free() if least else None
        if free is not None and free - size < least:
            raise ChatError(ErrorCode.STORAGE_FULL)

    def _used(self, connection: AnyConnection, user_id: int) -> tuple[int, int]:
        """Return the bytes of the user's current day, and its beginning (µs)."""
        now = self._clock()
        row = connection.execute(
            select(StoredBytes.bytes, StoredBytes.since).where(StoredBytes.user_id == user_id)
        ).first()
        # A day in the future means that the clock has jumped back; users must not wait for it.
        return (row.bytes, row.since) if row is not None and row.since <= now < row.since + DAY else (0, now)

    def _used_up(self, since: int) -> ChatError:
        wait = (since + DAY - self._clock()) / SECOND
        return ChatError(ErrorCode.QUOTA_USED, limit=self._bounds.storage_per_day, retry_after=wait)
