"""Message history: paging, search, replies, read marks (docs/specification.md, "Message", "Reading")."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, select

from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, current_lane, enter_lane
from chat.models import (
    Actor,
    Attachment,
    Message,
    StoredMessage,
    User,
)
from chat.names import name_key
from chat.ports import Store
from chat.services import access
from chat.services.access import AnyConnection, within_64_bits
from chat.services.paging import Listed
from chat.services.rate_limits import Limits
from chat.services.read_marks import ReadMarks
from chat.storage import timeline
from chat.storage.texts import ASCII_LOWER, AsciiLower, Position

MOST = 1000  # messages per answer
SHORT = 100  # the longest list that any lane may build
SEARCH_REACH = 10_000  # messages examined per search; the answer says where to continue


@dataclass(frozen=True, slots=True)
class Quote:
    """The message that a reply refers to."""

    text: str = ""
    attachment_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Search conditions; None matches everything."""

    since: int | None = None  # µs, inclusive
    until: int | None = None  # µs, inclusive
    sender_id: int | None = None
    sender_name: str | None = None  # part of the nickname, case-insensitive
    text: str | None = None  # part of the text, case-insensitive for ASCII


class MessageQueries:
    def __init__(self, store: Store, limits: Limits, reading: ReadMarks) -> None:
        self._store = store
        self._limits = limits
        self._reading = reading

    def page(
        self, actor: Actor, room_id: int, since: int | None, after_id: int | None = None
    ) -> tuple[list[StoredMessage], dict[int, Quote]]:
        """Return messages of a room, oldest first, at most MOST: after an id, from `since` (µs, inclusive), or the
        newest.

        Also returns the messages they reply to, by id, unless deleted. Raises ROOM_NOT_FOUND; FIELD_INVALID (after_id)
        if no message of the room ever had that id.
        """
        with self._store.read() as connection:
            room = access.joined(connection, actor, room_id)
            time = None if since is None else max(since, 0) - 1
            if after_id is not None:
                same = (Message.id == within_64_bits(after_id), Message.room_id == room.id)
                time = connection.execute(select(Message.time).where(*same)).scalar()
                if time is None:
                    raise ChatError(ErrorCode.FIELD_INVALID, field="after_id")
            most = SHORT + 1 if current_lane() is Lane.REST else MOST
            messages = (
                timeline.newest(connection, room.id, most)
                if time is None
                else timeline.after(connection, room.id, time, most)
            )
            if len(messages) > SHORT:
                enter_lane(Lane.LONG)
            return messages, _quotes(connection, messages)

    def mark_read(self, actor: Actor, message: StoredMessage) -> None:
        """Move the actor's read mark to this message; visible immediately, to other processes too.

        Without others it is kept in memory, and each list with marks has them written first (ReadMarks.flush).
        """
        self._reading.mark(actor.user_id, [(message.room_id, message.time)])
        if self._limits.has_other_workers:
            self._reading.flush()

    def search(self, actor: Actor, room_id: int, wanted: Filter, limit: int = MOST) -> Listed[StoredMessage]:
        """Return the newest `limit` matches among at most SEARCH_REACH messages of a room, oldest first.

        `next` is the time (µs, as text) before which to continue; "" at the end. Raises ROOM_NOT_FOUND.
        """
        enter_lane(Lane.LONG)
        conditions: list[ColumnElement[bool]] = []
        if wanted.sender_id is not None:
            conditions.append(Message.sender_id == within_64_bits(wanted.sender_id))
        if wanted.sender_name is not None:
            key = name_key(wanted.sender_name)
            conditions.append(User.nickname_key.contains(key, autoescape=True) if key else false())
        if wanted.text is not None:
            conditions.append(Position(AsciiLower(Message.content), wanted.text.translate(ASCII_LOWER)) > 0)
        with self._store.read() as connection:
            room = access.joined(connection, actor, room_id)
            first = timeline.reach(connection, room.id, SEARCH_REACH, wanted.since, wanted.until)
            conditions.append(Message.time >= (first or wanted.since or 0))
            if wanted.until is not None:
                conditions.append(Message.time <= wanted.until)
            found = timeline.newest(connection, room.id, limit, conditions=conditions)
        if len(found) == limit:
            first = found[0].time
        return Listed(found, "" if first is None else str(first - 1))

    def replies(self, actor: Actor, message_id: int) -> list[StoredMessage]:
        """Return the newest MOST replies to a message, oldest first.

        Raises MESSAGE_NOT_FOUND, also for non-members of its room.
        """
        with self._store.read() as connection:
            same = (Message.id == within_64_bits(message_id), Message.deleted_at.is_(None))
            room_id = connection.execute(select(Message.room_id).where(*same)).scalar()
            try:
                access.joined(connection, actor, room_id or 0)
            except ChatError:
                raise ChatError(ErrorCode.MESSAGE_NOT_FOUND) from None
            return timeline.replies(connection, message_id, MOST)


def _quotes(connection: AnyConnection, messages: Sequence[StoredMessage]) -> dict[int, Quote]:
    wanted = {message.reply_to_id for message in messages if message.reply_to_id is not None}
    if not wanted:
        return {}
    query = (
        select(Message.id, Message.content, Attachment.name)
        .join(Attachment, Attachment.id == Message.attachment_id, isouter=True)
        .where(Message.id.in_(wanted), Message.deleted_at.is_(None))
    )
    return {row.id: Quote(row.content, row.name) for row in connection.execute(query)}
