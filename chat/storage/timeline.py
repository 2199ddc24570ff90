"""Reads a room's messages and changes in the order of its clock."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select
from sqlalchemy.orm import aliased

from chat.models import (
    Attachment,
    Change,
    ChangeKind,
    Entry,
    Message,
    MessageType,
    Room,
    StoredChange,
    StoredMessage,
    User,
)
from chat.storage.avatars import avatars_of
from chat.storage.extras import members_of, mentions_of, reactions_of
from chat.storage.prepared import Prepared

_COLUMNS: Any = (
    select(
        Message.id,
        Message.room_id,
        Message.time,
        Message.sender_id,
        User.username,
        User.nickname,
        (User.avatar != "").label("has_avatar"),
        Message.type,
        Message.content,
        Attachment.name.label("attachment_name"),
        func.coalesce(Attachment.size, 0).label("attachment_size"),
        Message.reply_to_id,
        Message.client_message_id,
        Message.attachment_id,
        func.coalesce(Attachment.filename, "").label("filename"),
        Attachment.width,
        Attachment.height,
        Message.edited_at,
        Message.has_reactions,
        Message.has_mentions,
        User.is_teacher,
    )
    .join(User, User.id == Message.sender_id)
    .join(Attachment, Attachment.id == Message.attachment_id, isouter=True)
)
_living = _COLUMNS.where(Message.deleted_at.is_(None))
# Prepared, as a pull runs it for each of its rooms, and each message of another process is read by it.
_after = Prepared(
    _living.where(Message.room_id == bindparam("room"), Message.time > bindparam("cursor"))
    .order_by(Message.time)
    .limit(bindparam("limit"))
)
# All rooms' messages in the order of commits, on a database with one writer at a time; each with its room's clock
# before it, as far as the rows are still there.
_before = [
    select(table.time)
    .where(table.room_id == Message.room_id, table.time < Message.time)
    .order_by(table.time.desc())
    .limit(1)
    .correlate(Message)
    .scalar_subquery()
    for table in (aliased(Message), Change)
]
_logged = Prepared(
    _living.add_columns(*(func.coalesce(each, 0) for each in _before))
    .where(Message.id > bindparam("last_id"))
    .order_by(Message.id)
    .limit(bindparam("limit"))
)
_changes: Any = (
    select(Change.room_id, Change.time, Change.kind, Change.actor_id, User.username, Change.message_id)
    .add_columns(Message.time.label("message_time"), Message.content, Change.emoji, Change.is_on)
    .add_columns(Change.data, Message.has_mentions)
    .join(User, User.id == Change.actor_id, isouter=True)
    .join(Message, Message.id == Change.message_id, isouter=True)
    .where(Change.room_id == bindparam("room"))
    .limit(bindparam("limit"))
)
# Prepared, as each message of another process has its room's changes looked for, mostly in vain.
_changes_after = Prepared(_changes.where(Change.time > bindparam("cursor")).order_by(Change.time))
_changes_before = Prepared(_changes.where(Change.time < bindparam("before")).order_by(Change.time.desc()))
_names = [column.key for column in _COLUMNS.selected_columns]
_HAS_REACTIONS, _HAS_MENTIONS = _names.index("has_reactions"), _names.index("has_mentions")
LATEST = 2**62  # µs; after everything


def _records(connection: Any, rows: Sequence[Any]) -> list[StoredMessage]:
    """Build records with their senders' avatars, each read once because avatars are large."""
    shown = {sender_id for _, _, _, sender_id, _, _, has_avatar, *_ in rows if has_avatar}
    avatars = avatars_of(connection, User, shown)
    reactions = reactions_of(connection, [row[0] for row in rows if row[_HAS_REACTIONS]])
    named, named_all = mentions_of(connection, [row[0] for row in rows if row[_HAS_MENTIONS]])
    # Unpacked: a Row takes 0.3 µs to look up a column by name, and one answer has thousands of messages.
    return [
        StoredMessage(
            id=id_,
            room_id=room_id,
            time=time,
            sender_id=sender_id,
            username=username,
            nickname=nickname,
            avatar=avatars.get(sender_id, "") if has_avatar else "",
            type=MessageType(type_),
            content=content,
            attachment_name=attachment_name,
            attachment_size=attachment_size,
            reply_to_id=reply_to_id,
            client_message_id=client_message_id,
            attachment_id=attachment_id,
            filename=filename,
            width=width,
            height=height,
            edited_at=edited_at,
            reactions=reactions.get(id_, ()) if has_reactions else (),
            mentions=named.get(id_, ()) if has_mentions else (),
            mentions_all=id_ in named_all,
            is_teachers=bool(is_teacher),
        )
        for (
            id_, room_id, time, sender_id, username, nickname, has_avatar, type_, content, attachment_name,
            attachment_size, reply_to_id, client_message_id, attachment_id, filename, width, height, edited_at,
            has_reactions, has_mentions, is_teacher,
        ) in rows
    ]  # fmt: skip


def after(connection: Connection, room_id: int, cursor: int, limit: int) -> list[StoredMessage]:
    """Return the oldest `limit` messages newer than the cursor (µs), oldest first."""
    values = {"room": room_id, "cursor": cursor, "limit": limit}
    return _records(connection, _after.run(connection, values))


def logged(connection: Connection, last_id: int, limit: int) -> list[tuple[StoredMessage, int]]:
    """Return the oldest `limit` messages with higher ids, and the clock of its room before each (µs)."""
    rows = _logged.run(connection, {"last_id": last_id, "limit": limit})
    messages = _records(connection, [row[:-2] for row in rows]) if rows else []
    return [(message, max(row[-2:])) for message, row in zip(messages, rows, strict=True)]


def newest(
    connection: Connection,
    room_id: int,
    limit: int,
    before: int | None = None,
    before_id: int | None = None,
    conditions: Sequence[ColumnElement[bool]] = (),
) -> list[StoredMessage]:
    """Return the newest `limit` messages, oldest first, optionally before a time (µs) and below an id.

    Further conditions may refer to Message and its sender, User.
    """
    query = _living.where(Message.room_id == room_id, *conditions).order_by(Message.time.desc()).limit(limit)
    if before is not None:
        query = query.where(Message.time < before)
    if before_id is not None:
        query = query.where(Message.id < before_id)
    return _records(connection, connection.execute(query).all())[::-1]


def by_ids(connection: Connection, message_ids: Sequence[int]) -> list[StoredMessage]:
    """Return those of the messages that are not deleted, in no particular order."""
    query = _living.where(Message.id.in_(message_ids))
    return _records(connection, connection.execute(query).all()) if message_ids else []


def changes_after(connection: Connection, room_id: int, cursor: int, limit: int) -> list[StoredChange]:
    """The oldest `limit` changes newer than cursor (µs), oldest first."""
    return _change_records(
        connection, _changes_after.run(connection, {"room": room_id, "cursor": cursor, "limit": limit})
    )


def newest_changes(connection: Connection, room_id: int, limit: int, before: int = LATEST) -> list[StoredChange]:
    """The newest `limit` changes older than `before` (µs), oldest first."""
    rows = _changes_before.run(connection, {"room": room_id, "before": before, "limit": limit})
    return _change_records(connection, rows)[::-1]


def in_order(messages: Sequence[StoredMessage], changes: Sequence[StoredChange]) -> Sequence[Entry]:
    """Both, oldest first."""
    return sorted([*messages, *changes], key=attrgetter("time")) if changes else messages


def _change_records(connection: Connection, rows: Sequence[Any]) -> list[StoredChange]:
    named, named_all = mentions_of(
        connection, list({row[5] for row in rows if row[2] == ChangeKind.EDITED and row[-1]})
    )
    states = members_of(connection, {row[1]: row[10] for row in rows if row[2] == ChangeKind.MEMBERS})
    return [
        StoredChange(
            room_id=room_id,
            time=time,
            kind=ChangeKind(kind),
            actor_id=actor_id or 0,
            username=username or "",
            message_id=message_id or 0,
            message_time=message_time or 0,
            content=content if kind == ChangeKind.EDITED else "",
            emoji=emoji,
            is_on=bool(is_on),
            mentions=named.get(message_id, ()) if kind == ChangeKind.EDITED else (),
            mentions_all=kind == ChangeKind.EDITED and message_id in named_all,
            settings=data if kind == ChangeKind.ROOM else "",
            members=states.get(time, ()),
        )
        for room_id, time, kind, actor_id, username, message_id, message_time, content, emoji, is_on, data, _ in rows
    ]


def newest_of_each(connection: Connection, room_ids: Sequence[int], limit: int) -> dict[int, list[StoredMessage]]:
    """Return the newest `limit` messages of each of these rooms, oldest first."""
    same = (Message.room_id == Room.id, Message.deleted_at.is_(None))
    first = select(Message.time).where(*same).order_by(Message.time.desc()).offset(limit - 1).limit(1).correlate(Room)
    start = func.coalesce(first.scalar_subquery(), 0)
    # Materialized: PostgreSQL without statistics of the table looked for the start again at each message.
    starts = select(Room.id, start.label("time")).where(Room.id.in_(room_ids)).cte("starts").prefix_with("MATERIALIZED")
    query = (
        _living.join(starts, starts.c.id == Message.room_id).where(Message.time >= starts.c.time).order_by(Message.time)
    )
    found: dict[int, list[StoredMessage]] = {}
    for message in _records(connection, connection.execute(query).all()):
        found.setdefault(message.room_id, []).append(message)
    return found


def replies(connection: Connection, message_id: int, limit: int) -> list[StoredMessage]:
    """Return the newest `limit` replies to a message, oldest first. All are in its room; ids grow with the room's
    clock.
    """
    query = _living.where(Message.reply_to_id == message_id).order_by(Message.id.desc()).limit(limit)
    return _records(connection, connection.execute(query).all())[::-1]


def reach(connection: Connection, room_id: int, count: int, since: int | None, until: int | None) -> int | None:
    """Return the time (µs) of the room's `count`-th newest message in the interval; None if there are
    at most `count`.
    """
    query = select(Message.time).where(Message.room_id == room_id).order_by(Message.time.desc())
    if since is not None:
        query = query.where(Message.time >= since)
    if until is not None:
        query = query.where(Message.time <= until)
    times = connection.execute(query.offset(count - 1).limit(2)).scalars().all()
    return times[0] if len(times) > 1 else None


def sent_before(connection: Any, room_id: int, sender_id: int, client_message_id: str) -> StoredMessage | None:
    """Return the message that this sender stored under this client id, deleted or not. Accepts a transaction."""
    rows = connection.execute(
        _COLUMNS.where(
            Message.room_id == room_id,
            Message.sender_id == sender_id,
            Message.client_message_id == client_message_id,
        )
    ).all()
    return next(iter(_records(connection, rows)), None)


def sender(connection: Connection, user_id: int) -> dict[str, Any]:
    """Return a user's data as shown in messages, by field name of StoredMessage."""
    query = select(User.username, User.nickname, User.avatar, User.is_teacher.label("is_teachers"))
    return dict(connection.execute(query.where(User.id == user_id)).mappings().one())


def ends(connection: Connection, room_id: int) -> tuple[int, int]:
    """Return the times (µs) of the room's newest message and newest change; 0 without one, or for an unknown room."""
    row = connection.execute(select(Room.last_time, Room.change_time).where(Room.id == room_id)).first()
    return (row.last_time, row.change_time) if row else (0, 0)
