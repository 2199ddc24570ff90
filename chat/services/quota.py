"""Storage quotas: bytes per person and day, of pictures, files and avatars together, and of texts; and in all."""

import threading

from sqlalchemy import select, text, update

from chat.clock import SECOND, Clock
from chat.errors import ChatError, ErrorCode
from chat.models import StoredBytes
from chat.ports import Store, WriteTransaction
from chat.security.events import SecurityLog
from chat.security.limits import Limit
from chat.services.access import AnyConnection
from chat.services.buckets import SqlBuckets
from chat.services.rules import Rules

DAY = 24 * 3600 * SECOND  # µs; begins with the first byte that a person stores

TEXTS_AT_LEAST = 50 * 1024 * 1024  # bytes of texts a day, so that a small quota of files does not end the chat
TEXT_BYTES_AT_ONCE = 64 * 1024  # counted in memory first, so that most sends cost no statement
ROW_BYTES = 200  # of a message besides its text
_MOST_COUNTED = 10_000  # people in memory

# One statement, so that takers at the same moment cannot both have the last bytes. No row: used up.
_take = text("""
INSERT INTO stored_bytes AS b (user_id, since, bytes) VALUES (:user, :now, :size)
ON CONFLICT (user_id) DO UPDATE SET
since = CASE WHEN b.since <= :now AND :now < b.since + :day THEN b.since ELSE :now END,
bytes = CASE WHEN b.since <= :now AND :now < b.since + :day THEN b.bytes ELSE 0 END + :size
WHERE CASE WHEN b.since <= :now AND :now < b.since + :day THEN b.bytes ELSE 0 END + :size <= :most
RETURNING bytes
""")


class Quota:
    def __init__(self, store: Store, clock: Clock, security_log: SecurityLog, rules: Rules) -> None:
        self._store = store
        self._clock = clock
        self._security_log = security_log
        self._rules = rules
        self._texts = TextBytes(store, clock, max(rules.storage_per_day, TEXTS_AT_LEAST))

    def require_left(self, connection: AnyConnection, user_id: int) -> None:
        """Check before expensive work. Raises QUOTA_USED if the quota is exhausted, STORAGE_FULL."""
        used, since = self._used(connection, user_id)
        if used >= self._rules.storage_per_day:
            raise self._used_up(user_id, since)
        self.require_room(connection, 0)

    def take(self, tx: WriteTransaction, user_id: int, size: int) -> None:
        """Count bytes that the user stores, in the transaction that reserves the space.

        Raises QUOTA_USED, STORAGE_FULL.
        """
        most = self._rules.storage_per_day
        values = {"user": user_id, "now": self._clock(), "day": DAY, "size": size, "most": most}
        if size > most or tx.execute(_take, values).first() is None:
            raise self._used_up(user_id, self._used(tx, user_id)[1])
        self.require_room(tx, size)

    def take_text(self, tx: WriteTransaction, user_id: int, *texts: str) -> None:
        """Count texts that the user stores together in the transaction. Raises QUOTA_USED."""
        wait = self._texts.take(tx, user_id, ROW_BYTES + sum(len(text.encode()) for text in texts))
        if wait:
            raise self._refuse(user_id, self._texts.per_day, wait)

    def give_back(self, tx: WriteTransaction, user_id: int, size: int, taken_at: int) -> None:
        """Refund bytes that were counted at `taken_at` (µs) but not stored."""
        used, since = self._used(tx, user_id)
        if since <= taken_at:
            same = update(StoredBytes).where(StoredBytes.user_id == user_id)
            tx.execute(same.values(bytes=max(0, used - size)))

    def require_room(self, connection: AnyConnection, size: int) -> None:
        """Raise STORAGE_FULL if the database or its disk has no space for this many bytes."""
        most = self._rules.storage_max
        if most and self._store.bytes_used(connection) + size > most:
            raise ChatError(ErrorCode.STORAGE_FULL)
        least = self._rules.disk_free_min
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

    def _used_up(self, user_id: int, since: int) -> ChatError:
        return self._refuse(user_id, self._rules.storage_per_day, (since + DAY - self._clock()) / SECOND)

    def _refuse(self, user_id: int, limit: int, wait: float) -> ChatError:
        self._security_log.write("limit", user_id, limit="bytes-per-day")
        return ChatError(ErrorCode.QUOTA_USED, limit=limit, retry_after=wait)


class TextBytes:
    """Bytes of texts by person: a bucket in the database, which is full again after a day.

    Less than TEXT_BYTES_AT_ONCE is counted in memory only, by process, and forgotten by a restart.
    """

    def __init__(self, store: Store, clock: Clock, per_day: int) -> None:
        self.per_day = per_day
        self._limit = Limit("text-bytes", burst=per_day, seconds=DAY / SECOND)
        self._buckets = SqlBuckets(store, clock)
        self._lock = threading.Lock()
        self._counted: dict[int, int] = {}

    def take(self, tx: WriteTransaction, user_id: int, size: int) -> float:
        """Count bytes. Returns 0, or the seconds to wait; the transaction must be rolled back then."""
        with self._lock:
            total = self._counted.get(user_id, 0) + size
            is_due = total >= TEXT_BYTES_AT_ONCE
            self._counted[user_id] = 0 if is_due else total
            if len(self._counted) > _MOST_COUNTED:
                self._counted.clear()
        wait = self._buckets.take_within(tx, (self._limit, user_id, total)) if is_due else 0.0
        if wait:
            with self._lock:
                self._counted[user_id] = self._counted.get(user_id, 0) + total - size
        return wait
