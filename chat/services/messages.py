"""Messages: sending and history (docs/specification.md, "Message", "The clock is the cursor", "Retries")."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.models import Actor, Entry, Event, EventKind, Message, MessageType, StoredMessage
from chat.names import is_visible
from chat.ports import Store, WriteTransaction
from chat.security.limits import MESSAGES
from chat.services import access, mentions, sending
from chat.services.access import MAX_ID, RoomRef
from chat.services.attachments import Attached, Attachments, Picture
from chat.services.mentions import Mentioned
from chat.services.quota import Quota
from chat.services.rate_limits import Limits
from chat.services.room_clock import tick_for_message
from chat.services.sending import Begun
from chat.services.writing import require_sendable, require_writable
from chat.storage import timeline

CLIENT_MESSAGE_ID_MAX_CHARS = 64


class _Retried(Exception):  # noqa: N818
    """The message was stored before; the transaction must not advance the room's clock."""

    def __init__(self, earlier: StoredMessage) -> None:
        super().__init__()
        self.earlier = earlier


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be sent: a text, or a picture as Base64, data URL or bytes."""

    text: str = ""
    image: str | bytes | None = None
    client_message_id: str | None = None
    reply_to_id: int | None = None  # a message in the same room


class Messages:
    def __init__(
        self, store: Store, clock: Clock, limits: Limits, quota: Quota, attachments: Attachments, max_chars: int
    ) -> None:
        self._store = store
        self._quota = quota
        self._clock = clock
        self._limits = limits
        self._attachments = attachments
        self._max_chars = max_chars

    def send(self, actor: Actor, ref: RoomRef, draft: Draft) -> StoredMessage:
        """Store a message in a room that the actor is in, or return the earlier one with the same client_message_id.

        Raises ROOM_NOT_FOUND (also for non-members), MESSAGE_EMPTY, MESSAGE_TOO_LONG, MESSAGE_ID_INVALID,
        IMAGE_INVALID, IMAGE_TOO_LARGE, REPLY_NOT_FOUND, NOT_FRIENDS (in a direct conversation of former friends),
        ARCHIVED, MUTED, READ_ONLY, SLOW_MODE, QUOTA_USED, RATE_LIMITED, UNAVAILABLE; with a picture
        also STORAGE_FULL.
        """
        self._check(draft)
        if draft.image is not None:
            enter_lane(Lane.PICTURES)
        self._limits.take_often(MESSAGES, actor.user_id)
        picture = None
        if draft.image is not None:
            with self._store.read() as connection:  # before processing the picture
                room = access.joined(connection, actor, ref)
                earlier = self.earlier(connection, actor, room.id, draft)
                if earlier is not None:
                    return earlier
                require_writable(room, self._clock())
                self._quota.require_left(connection, actor.user_id)
            picture = self._attachments.picture(draft.image)
        try:
            try:
                with self._store.write() as tx:
                    return self._send(tx, actor, sending.begin(tx, actor, ref, self._clock()), ref, draft, picture)
            except sending.MembershipChanged:
                with self._store.write() as tx:
                    return self._send(tx, actor, None, ref, draft, picture)
        except _Retried as retried:
            return retried.earlier

    def _send(
        self,
        tx: WriteTransaction,
        actor: Actor,
        begun: Begun | None,
        ref: RoomRef,
        draft: Draft,
        picture: Picture | None,
    ) -> StoredMessage:
        """begun None: the room is looked for and locked first."""
        room = begun.room if begun else access.joined_locked(tx, actor, ref)
        earlier = self.earlier(tx, actor, room.id, draft)
        if earlier is not None:
            raise _Retried(earlier)
        require_sendable(tx, actor, room, begun.now if begun else self._clock())
        if draft.reply_to_id is not None and not _is_in_room(tx, room.id, draft.reply_to_id):
            raise ChatError(ErrorCode.REPLY_NOT_FOUND)
        if self._limits.over_workers:
            self._limits.take_within(tx, MESSAGES, actor.user_id)
        attached = None
        if picture is not None:
            self._quota.take(tx, actor.user_id, picture.bytes_stored)
            attached = self._attachments.store(tx, picture)
        return self.insert(tx, actor, room.id, draft, attached, mentions.find(tx, room, draft.text), begun)

    def timeline(self, actor: Actor, ref: RoomRef, before: int | None, limit: int) -> Sequence[Entry]:
        """The newest `limit` messages and changes older than before (µs), oldest first. Raises ROOM_NOT_FOUND."""
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            messages = timeline.newest(connection, room.id, limit, before)
            changes = timeline.newest_changes(connection, room.id, limit, timeline.LATEST if before is None else before)
        return timeline.in_order(messages, changes)[-limit:]

    def history(
        self, actor: Actor, ref: RoomRef, before: int | None, limit: int, *, before_id: int | None = None
    ) -> list[StoredMessage]:
        """Return the newest `limit` messages with a time below `before` (µs) and an id below `before_id`, oldest first.

        `before_id` need not be a message of the room: ids only grow, so it still separates older from newer ones.
        Raises ROOM_NOT_FOUND.
        """
        lower_than = None if before_id is None else max(0, min(before_id, MAX_ID))
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            return timeline.newest(connection, room.id, limit, before, lower_than)

    def around(self, actor: Actor, ref: RoomRef, message_id: int, limit: int) -> tuple[list[StoredMessage], int]:
        """Return messages around one of the room, oldest first, and its index: one more on either side than fit.

        Raises ROOM_NOT_FOUND, MESSAGE_NOT_FOUND.
        """
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            query = select(Message.time).where(access.is_message_of(room.id, message_id))
            time = connection.execute(query).scalar()
            if time is None:
                raise ChatError(ErrorCode.MESSAGE_NOT_FOUND)
            older = timeline.newest(connection, room.id, limit // 2 + 1, before=time)
            return older + timeline.after(connection, room.id, time - 1, limit + 1), len(older)

    def insert(
        self,
        tx: WriteTransaction,
        actor: Actor,
        room_id: int,
        draft: Draft,
        attached: Attached | None,
        mentioned: Mentioned | None = None,
        begun: Begun | None = None,
    ) -> StoredMessage:
        """Store a message and its attachment in the transaction that checked the actor's membership.

        begun None: the room is locked, and its clock not advanced yet. Raises QUOTA_USED.
        """
        self._quota.take_text(tx, actor.user_id, draft.text)
        now = begun.now if begun else self._clock()
        prev_time, time, rights_version = begun.tick if begun else tick_for_message(tx, room_id, now)
        kind = attached.type if attached else MessageType.TEXT
        row: dict[str, Any] = {
            "room_id": room_id,
            "sender_id": actor.user_id,
            "time": time,
            "type": kind.value,
            "content": draft.text,
            "attachment_id": attached.id if attached else None,
            "reply_to_id": draft.reply_to_id,
            "client_message_id": draft.client_message_id,
            "has_mentions": mentioned is not None,
        }
        message_id, avatar, has_event = sending.store(tx, row, now, begun.room if begun else None)
        message = StoredMessage(
            id=message_id,
            room_id=room_id,
            time=time,
            sender_id=actor.user_id,
            username=actor.username,
            nickname=actor.nickname,
            avatar=avatar,
            type=kind,
            content=draft.text,
            attachment_name=attached.name if attached else None,
            attachment_size=attached.size if attached else 0,
            reply_to_id=draft.reply_to_id,
            client_message_id=draft.client_message_id,
            attachment_id=attached.id if attached else None,
            filename=attached.filename if attached else "",
            width=attached.width if attached else None,
            height=attached.height if attached else None,
            is_teachers=actor.is_teacher,
            **(mentioned.shown if mentioned else {}),
        )
        if mentioned:
            mentions.store(tx, room_id, message_id, time, mentioned)
        event = Event(EventKind.MESSAGE, room_id, time, message, prev_time, rights_version=rights_version)
        tx.emit(event, is_stored=has_event)
        return message

    @staticmethod
    def earlier(connection: access.AnyConnection, actor: Actor, room_id: int, draft: Draft) -> StoredMessage | None:
        """Return the stored message that this one is a retry of."""
        if draft.client_message_id is None:
            return None
        return timeline.sent_before(connection, room_id, actor.user_id, draft.client_message_id)

    def _check(self, draft: Draft) -> None:
        if draft.image is None:
            require_text(draft.text, self._max_chars)
        self.require_id(draft)

    @staticmethod
    def require_id(draft: Draft) -> None:
        """Raise MESSAGE_ID_INVALID."""
        sent_id = draft.client_message_id
        if sent_id is not None and not 0 < len(sent_id) <= CLIENT_MESSAGE_ID_MAX_CHARS:
            raise ChatError(ErrorCode.MESSAGE_ID_INVALID)

    @property
    def image_max_bytes(self) -> int:
        return self._attachments.image_max_bytes


def require_text(text: str, max_chars: int) -> None:
    """Raise MESSAGE_EMPTY, MESSAGE_TOO_LONG for what cannot be a message's text."""
    if not is_visible(text):
        raise ChatError(ErrorCode.MESSAGE_EMPTY)
    if len(text) > max_chars:
        raise ChatError(ErrorCode.MESSAGE_TOO_LONG, limit=max_chars)


def _is_in_room(tx: WriteTransaction, room_id: int, message_id: int) -> bool:
    return tx.execute(select(Message.id).where(access.is_message_of(room_id, message_id))).first() is not None
