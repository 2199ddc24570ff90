"""Removal of messages that are older than the site keeps them (docs/decisions/0127)."""

from collections.abc import Callable

from sqlalchemy import delete, exists, select, update

from chat.clock import SECOND, Clock
from chat.models import Change, Message, Room
from chat.ports import Store, WriteTransaction
from chat.services.purging import delete_chunks, delete_messages, repeat
from chat.services.site import Site

DAY = 86400 * SECOND  # µs
ROWS = 200  # per transaction, because other writers wait for it
EVERY = 3600 * SECOND  # µs between two looks at all rooms


class Retention:
    def __init__(self, store: Store, clock: Clock, site: Site, forget: Callable[[], None]) -> None:
        """forget: drops the messages in memory."""
        self._store = store
        self._clock = clock
        self._site = site
        self._forget = forget
        self._due = 0  # µs; when to look next

    def purge(self) -> None:
        """Remove some old messages in small transactions; the next round continues if there are more."""
        now = self._clock()
        if now < self._due:
            return
        days = self._site.settings().keep_days
        if days:
            limit = now - days * DAY
            if repeat(lambda: self._purge_some(limit)):
                return
            self._forget()
        self._due = now + EVERY

    def _purge_some(self, limit: int) -> bool:
        """Remove one batch. Returns whether there may be more."""
        old = exists().where(Message.room_id == Room.id, Message.time < limit)
        old_change = exists().where(Change.room_id == Room.id, Change.time < limit)
        with self._store.read() as connection:
            room_id = connection.execute(select(Room.id).where(old | old_change).limit(1)).scalar()
        if room_id is None:
            return False
        with self._store.write() as tx:
            tx.lock_rooms([room_id])
            if not _purge_changes(tx, room_id, limit):
                _purge_messages(tx, room_id, limit)
        return True


def _purge_changes(tx: WriteTransaction, room_id: int, limit: int) -> bool:
    """Remove some old changes. Returns whether any existed."""
    some = select(Change.time).where(Change.room_id == room_id, Change.time < limit).order_by(Change.time).limit(ROWS)
    return bool(tx.execute(delete(Change).where(Change.room_id == room_id, Change.time.in_(some))).rowcount)


def _purge_messages(tx: WriteTransaction, room_id: int, limit: int) -> None:
    """Remove the oldest messages with all that refers to them; of large attachments at first only some chunks."""
    query = select(Message.id, Message.attachment_id).where(Message.room_id == room_id, Message.time < limit)
    rows = tx.execute(query.order_by(Message.time).limit(ROWS)).all()
    if delete_chunks(tx, rows):
        return
    ids = [row.id for row in rows]
    tx.execute(delete(Change).where(Change.message_id.in_(ids)))
    tx.execute(update(Message).where(Message.reply_to_id.in_(ids)).values(reply_to_id=None))
    delete_messages(tx, rows)
