"""Removes the data of deleted rooms in the background: messages, pictures, files, announcements,
avatar, and the row.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import delete, exists, select, tuple_

from chat.models import (
    Announcement,
    Attachment,
    AttachmentChunk,
    Change,
    Invitation,
    Mention,
    Message,
    Pin,
    Reaction,
    Restriction,
    Room,
    RoomTicket,
    VisitRow,
)
from chat.ports import Store, WriteTransaction
from chat.services import avatars

ROWS = 500  # per transaction, because other writers wait for it
CHUNKS = 16  # per transaction, each up to 256 KiB
BATCHES = 50  # per round of housekeeping: 25,000 messages or 200 MiB a minute
PAUSE = 0.02  # seconds between two transactions
PAGES = 200  # of 4 KiB, returned to the file system per transaction
SPARE_PAGES = 1000  # free pages kept in the file for new messages

# A room keeps its row until the last socket has left it.
_gone = select(Room.id).where(Room.deleted_at.is_not(None), ~exists().where(VisitRow.room_id == Room.id))
_next_gone = _gone.order_by(Room.deleted_at).limit(1)


class Purger:
    def __init__(self, store: Store) -> None:
        self._store = store

    def purge(self) -> None:
        """Remove some leftovers in small transactions. Data of deleted rooms is already inaccessible."""
        repeat(self._purge_some)

    def shrink(self) -> None:
        """Return free pages of the database file to the file system, if the database was created with auto_vacuum."""
        repeat(lambda: self._store.shrink(PAGES, SPARE_PAGES))

    def _purge_some(self) -> bool:
        """Remove one batch. Returns whether there may be more."""
        with self._store.read() as connection:
            if connection.execute(_next_gone).first() is None:
                return False
        with self._store.write() as tx:
            room_id = tx.execute(_next_gone.with_for_update(skip_locked=True)).scalar()  # one process at a time
            if (
                room_id is not None
                and not _purge_changes(tx, room_id)
                and not _purge_messages(tx, room_id)
                and not _purge_rows(tx, room_id)
            ):
                avatar = tx.execute(delete(Room).where(Room.id == room_id).returning(Room.avatar)).scalar_one()
                avatars.remove(tx, avatar, Room, room_id)
        return True


def _purge_changes(tx: WriteTransaction, room_id: int) -> bool:
    """Some of a room's changes, which refer to its messages; whether there were any."""
    some = select(Change.time).where(Change.room_id == room_id).limit(ROWS)
    return bool(tx.execute(delete(Change).where(Change.room_id == room_id, Change.time.in_(some))).rowcount)


def _purge_messages(tx: WriteTransaction, room_id: int) -> bool:
    """Remove a batch of a room's messages, newest first because replies refer to older ones. Returns whether any
    existed.
    """
    query = select(Message.id, Message.attachment_id).where(Message.room_id == room_id)
    rows = tx.execute(query.order_by(Message.time.desc()).limit(ROWS)).all()
    if not delete_chunks(tx, rows):
        delete_messages(tx, rows)
    return bool(rows)


def delete_chunks(tx: WriteTransaction, rows: Sequence[Any]) -> bool:
    """Delete some chunks of messages' attachments. Returns whether there may be more.

    rows: the id and attachment_id of each message.
    """
    if not (attached := _attached(rows)):
        return False
    key = (AttachmentChunk.attachment_id, AttachmentChunk.position)
    some = select(*key).where(AttachmentChunk.attachment_id.in_(attached)).limit(CHUNKS)
    chunks = [tuple(row) for row in tx.execute(some)]
    tx.execute(delete(AttachmentChunk).where(tuple_(*key).in_(chunks)))
    return len(chunks) == CHUNKS


def delete_messages(tx: WriteTransaction, rows: Sequence[Any]) -> None:
    """Delete messages whose chunks are deleted, with all that refers to them except replies and changes."""
    ids = [row.id for row in rows]
    for table in (Reaction, Mention, Pin):
        tx.execute(delete(table).where(table.message_id.in_(ids)))
    tx.execute(delete(Message).where(Message.id.in_(ids)))
    tx.execute(delete(Attachment).where(Attachment.id.in_(_attached(rows))))


def _attached(rows: Sequence[Any]) -> list[int]:
    return [row.attachment_id for row in rows if row.attachment_id is not None]


def _purge_rows(tx: WriteTransaction, room_id: int) -> bool:
    """Remove a batch of a room's other rows. Returns whether any existed."""
    tx.execute(delete(RoomTicket).where(RoomTicket.room_id == room_id))
    tx.execute(delete(Restriction).where(Restriction.room_id == room_id))
    for table in (Invitation, Announcement):
        some = select(table.id).where(table.room_id == room_id).limit(ROWS)
        if tx.execute(delete(table).where(table.id.in_(some))).rowcount:
            return True
    return False


def repeat(step: Callable[[], bool]) -> bool:
    """Take one step after the other, at most BATCHES, until it returns False. Returns whether there may be more."""
    for _ in range(BATCHES):
        if not step():
            return False
        time.sleep(PAUSE)
    return True
