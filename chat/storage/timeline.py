"""Reading a room's messages in the order of its clock."""

from typing import Any

from sqlalchemy import Connection, func, select

from chat.models import Attachment, Message, MessageType, Room, StoredMessage, User

_COLUMNS: Any = (
    select(
        Message.id,
        Message.room_id,
        Message.time,
        Message.sender_id,
        User.username,
        User.nickname,
        User.avatar,
        Message.type,
        Message.content,
        Attachment.name.label("attachment_name"),
        func.coalesce(Attachment.size, 0).label("attachment_size"),
        Message.reply_to_id,
        Message.client_message_id,
        Message.attachment_id,
        func.coalesce(Attachment.filename, "").label("filename"),
    )
    .join(User, User.id == Message.sender_id)
    .join(Attachment, Attachment.id == Message.attachment_id, isouter=True)
)


def _record(row: Any) -> StoredMessage:
    return StoredMessage(**{**row._mapping, "type": MessageType(row.type)})


def after(connection: Connection, room_id: int, cursor: int, limit: int) -> list[StoredMessage]:
    """The oldest `limit` messages newer than cursor (µs), oldest first."""
    query = _COLUMNS.where(Message.room_id == room_id, Message.time > cursor).order_by(Message.time).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def newest(
    connection: Connection, room_id: int, limit: int, before: int | None = None, before_id: int | None = None
) -> list[StoredMessage]:
    """The newest `limit` messages, older than `before` (µs) and with a lower id where these are given; oldest first."""
    query = _COLUMNS.where(Message.room_id == room_id).order_by(Message.time.desc()).limit(limit)
    if before is not None:
        query = query.where(Message.time < before)
    if before_id is not None:
        query = query.where(Message.id < before_id)
    return [_record(row) for row in connection.execute(query)][::-1]


def sent_before(connection: Any, room_id: int, sender_id: int, client_message_id: str) -> StoredMessage | None:
    """The message that this sender stored in this room under that id, if any. Takes a transaction too."""
    row = connection.execute(
        _COLUMNS.where(
            Message.room_id == room_id,
            Message.sender_id == sender_id,
            Message.client_message_id == client_message_id,
        )
    ).first()
    return None if row is None else _record(row)


def last_time(connection: Connection, room_id: int) -> int:
    """The time of the room's newest message (µs); 0 if there is none, or no such room."""
    return connection.execute(select(Room.last_time).where(Room.id == room_id)).scalar() or 0
