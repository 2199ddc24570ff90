"""Edits, deletions and reactions; typing (docs/specification.md, "Message"; docs/decisions/0120)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from chat.clock import SECOND, Clock
from chat.delivery import Hub
from chat.emoji import emoji_of
from chat.errors import ChatError, ErrorCode
from chat.models import (
    Access,
    Actor,
    Attachment,
    AttachmentChunk,
    AuditAction,
    Change,
    ChangeKind,
    Event,
    EventKind,
    Mention,
    Message,
    MessageType,
    Pin,
    Reaction,
    StoredChange,
)
from chat.ports import Store, WriteTransaction
from chat.security.events import SecurityLog
from chat.security.limits import ACTS, MESSAGES, TYPING
from chat.services import access, audit, change_log, mentions
from chat.services.access import AnyConnection, FoundRoom, RoomRef, within_64_bits
from chat.services.messages import require_text
from chat.services.permissions import Action, require
from chat.services.quota import Quota
from chat.services.rate_limits import Limits
from chat.services.writing import require_open, require_writable


@dataclass(frozen=True, slots=True)
class _Found:
    """The message to change."""

    id: int
    room: FoundRoom
    sender_id: int
    time: int
    type: str
    content: str
    attachment_id: int | None
    edited_at: int | None
    is_deleted: bool
    has_mentions: bool


MOST_REACTIONS = 20  # kinds, of a message


class Changes:
    def __init__(
        self,
        store: Store,
        hub: Hub,
        clock: Clock,
        limits: Limits,
        quota: Quota,
        security_log: SecurityLog,
        *,
        edit_minutes: float,
        max_chars: int,
    ) -> None:
        self._store = store
        self._hub = hub
        self._clock = clock
        self._limits = limits
        self._quota = quota
        self._security_log = security_log
        self._edit_minutes = edit_minutes
        self._max_chars = max_chars

    def edit(self, actor: Actor, ref: RoomRef, message_id: int, text: str, *, based_on: int | None = None) -> None:
        """Replace the text of one of the actor's messages. The same text changes nothing.

        `based_on`: the edited_at (µs) that the actor saw, 0 for an unedited message; None: overwrite any version.

        Raises ROOM_NOT_FOUND, MESSAGE_NOT_FOUND, NOT_SENDER, NOT_A_TEXT, EDIT_TOO_LATE, EDIT_CROSSED, MESSAGE_EMPTY,
        MESSAGE_TOO_LONG, NOT_FRIENDS, ARCHIVED, MUTED, READ_ONLY, QUOTA_USED, RATE_LIMITED, UNAVAILABLE.
        """
        require_text(text, self._max_chars)
        with self._changing(actor) as tx:
            found = _in_room(tx, actor, ref, message_id)
            self._require_editable(tx, actor, found)
            if found.content == text:
                return
            if based_on is not None and based_on != (found.edited_at or 0):
                raise ChatError(ErrorCode.EDIT_CROSSED)
            self._quota.take_text(tx, actor.user_id, found.content, text, text)  # the audit log keeps both
            mentioned = mentions.find(tx, found.room, text)
            shown = (mentioned or mentions.Mentioned()).shown
            change = self._record(tx, actor, found, ChangeKind.EDITED, {"before": found.content}, content=text, **shown)
            self._record_words(
                tx, actor, found, AuditAction.MESSAGE_EDITED, {"content": found.content}, {"content": text}
            )
            values = {"content": text, "edited_at": change.time, "has_mentions": mentioned is not None}
            tx.execute(update(Message).where(Message.id == found.id).values(values))
            if mentioned or found.has_mentions:
                mentions.store(tx, found.room.id, found.id, found.time, mentioned)

    def react(self, actor: Actor, ref: RoomRef, message_id: int, emoji: str, *, is_on: bool) -> None:
        """Add an emoji to a message, or remove the actor's own. Repetitions change nothing.

        Raises ROOM_NOT_FOUND, MESSAGE_NOT_FOUND, REACTION_INVALID, REACTIONS_TOO_MANY, NOT_FRIENDS, ARCHIVED, MUTED,
        READ_ONLY, RATE_LIMITED, UNAVAILABLE.
        """
        kind = emoji_of(emoji)
        if kind is None:
            raise ChatError(ErrorCode.REACTION_INVALID)
        self._limits.take(ACTS, actor.user_id)
        with self._changing(actor) as tx:
            found = _in_room(tx, actor, ref, message_id)
            self._require_open(tx, found.room)
            same = (Reaction.message_id == found.id, Reaction.emoji == kind, Reaction.user_id == actor.user_id)
            if (tx.execute(select(Reaction.user_id).where(*same)).first() is not None) == is_on:
                return
            if is_on:
                _require_place(tx, found.id, kind)
            change = self._record(
                tx, actor, found, ChangeKind.REACTIONS, {"emoji": kind, "is_on": is_on}, emoji=kind, is_on=is_on
            )
            if is_on:
                row = {"message_id": found.id, "emoji": kind, "user_id": actor.user_id, "time": change.time}
                tx.execute(insert(Reaction).values(row))
                tx.execute(update(Message).where(Message.id == found.id).values(has_reactions=True))
            else:
                tx.execute(delete(Reaction).where(*same))

    def typing(self, actor: Actor, ref: RoomRef) -> None:
        """Notify readers of changes in the room that the actor is typing.

        Not stored; passes through the events only with several worker processes. Raises ROOM_NOT_FOUND, ARCHIVED,
        MUTED, READ_ONLY, RATE_LIMITED.
        """
        self._limits.take(TYPING, actor.user_id)
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
        require_writable(room, self._clock())
        data = json.dumps({"user_id": actor.user_id, "username": actor.username})
        event = Event(EventKind.TYPING, room.id, self._clock(), data=data)
        if not self._limits.has_other_workers:
            self._hub.signal([event])
            return
        with self._store.write() as tx:
            tx.emit(event)

    def delete_in(self, actor: Actor, ref: RoomRef, message_id: int) -> None:
        """Delete a message for all members, permanently. A permitted second deletion changes nothing.

        Raises ROOM_NOT_FOUND, MESSAGE_NOT_FOUND, FORBIDDEN, RATE_LIMITED, UNAVAILABLE.
        """
        with self._changing(actor) as tx:
            self._delete(tx, actor, _in_room(tx, actor, ref, message_id, deleted=True))

    def delete_within(self, tx: WriteTransaction, actor: Actor, room: FoundRoom, message_id: int) -> None:
        """Delete a message of a room whose row is locked. Raises FORBIDDEN."""
        self._delete(tx, actor, _found(room, _row(tx, message_id)))

    def delete(self, actor: Actor, message_id: int) -> None:
        """Delete a message by its id alone. Raises MESSAGE_NOT_FOUND; FORBIDDEN, also for non-members of its room."""
        with self._store.write() as tx:
            row = _row(tx, message_id)
            room_id = row.room_id if row is not None and row.deleted_at is None else None
            room = access.joined_of(tx, actor, room_id, ErrorCode.MESSAGE_NOT_FOUND, access.joined_locked)
            self._delete(tx, actor, _found(room, _row(tx, message_id)))  # as it is now that the room is locked

    def _changing(self, actor: Actor) -> Any:
        """A transaction, which counts as a message sent."""
        self._limits.take(MESSAGES, actor.user_id)
        return self._store.write()

    def _require_editable(self, tx: WriteTransaction, actor: Actor, found: _Found) -> None:
        if found.sender_id != actor.user_id:
            raise ChatError(ErrorCode.NOT_SENDER)
        if found.type != MessageType.TEXT:
            raise ChatError(ErrorCode.NOT_A_TEXT)
        if self._clock() - found.time > self._edit_minutes * 60 * SECOND:
            minutes = self._edit_minutes
            raise ChatError(ErrorCode.EDIT_TOO_LATE, minutes=int(minutes) if minutes == int(minutes) else minutes)
        self._require_open(tx, found.room)

    def _require_open(self, tx: WriteTransaction, room: FoundRoom) -> None:
        require_open(tx, room)
        require_writable(room, self._clock())

    def _delete(self, tx: WriteTransaction, actor: Actor, found: _Found) -> None:
        if found.sender_id != actor.user_id:
            require(Action.DELETE_MESSAGE, found.room)
        if found.is_deleted:
            return
        nothing = {"type": MessageType.TEXT, "content": "", "attachment_id": None, "deleted_at": self._clock()}
        tx.execute(update(Message).where(Message.id == found.id).values(nothing))
        tx.execute(update(Change).where(Change.message_id == found.id).values(before=""))
        tx.execute(delete(Reaction).where(Reaction.message_id == found.id))
        tx.execute(delete(Mention).where(Mention.message_id == found.id))
        tx.execute(delete(Pin).where(Pin.message_id == found.id))
        if found.attachment_id is not None:
            tx.execute(delete(AttachmentChunk).where(AttachmentChunk.attachment_id == found.attachment_id))
            tx.execute(delete(Attachment).where(Attachment.id == found.attachment_id))
        self._record(tx, actor, found, ChangeKind.DELETED, {})
        shown = {"content": found.content} if found.type == MessageType.TEXT else {"type": found.type}
        self._record_words(tx, actor, found, AuditAction.MESSAGE_DELETED, shown)
        details = {"room_id": found.room.id, "message_id": found.id, "sender_id": found.sender_id}
        self._security_log.write("message_removal", actor.user_id, actor.username, **details)

    def _record_words(
        self,
        tx: WriteTransaction,
        actor: Actor,
        found: _Found,
        action: AuditAction,
        before: dict[str, str],
        after: dict[str, str] | None = None,
    ) -> None:
        """Keep the wording for the audit log. Direct conversations have none."""
        if found.room.access is not Access.DIRECT:
            about = {"room_id": found.room.id, "subject_id": found.sender_id, "message_id": found.id}
            audit.record(tx, self._clock(), actor, action, before, after, **about)

    def _record(
        self,
        tx: WriteTransaction,
        actor: Actor,
        found: _Found,
        kind: ChangeKind,
        kept: Mapping[str, Any],
        **shown: Any,
    ) -> StoredChange:
        """Store the change of a message. kept: values of the row; shown: those of the record."""
        stored = {"message_id": found.id, **kept}
        shown |= {"message_id": found.id, "message_time": found.time}
        return change_log.record(tx, self._clock(), actor, found.room.id, kind, stored, **shown)


def _row(connection: AnyConnection, message_id: int) -> Any:
    query = select(Message.id, Message.room_id, Message.sender_id, Message.time, Message.type, Message.content)
    query = query.add_columns(Message.attachment_id, Message.edited_at, Message.deleted_at, Message.has_mentions)
    return connection.execute(query.where(Message.id == within_64_bits(message_id))).first()


def _found(room: FoundRoom, row: Any) -> _Found:
    return _Found(
        id=row.id,
        room=room,
        sender_id=row.sender_id,
        time=row.time,
        type=row.type,
        content=row.content,
        attachment_id=row.attachment_id,
        edited_at=row.edited_at,
        is_deleted=row.deleted_at is not None,
        has_mentions=row.has_mentions,
    )


def _in_room(tx: WriteTransaction, actor: Actor, ref: RoomRef, message_id: int, *, deleted: bool = False) -> _Found:
    """A message of that room, which the actor is in. deleted: also one that is. Raises ROOM_/MESSAGE_NOT_FOUND."""
    room = access.joined_locked(tx, actor, ref)
    row = _row(tx, message_id)
    if row is None or row.room_id != room.id or (row.deleted_at is not None and not deleted):
        raise ChatError(ErrorCode.MESSAGE_NOT_FOUND)
    return _found(room, row)


def _require_place(tx: WriteTransaction, message_id: int, emoji: str) -> None:
    """Raise REACTIONS_TOO_MANY where the message has other emoji enough."""
    others = (Reaction.message_id == message_id, Reaction.emoji != emoji)
    if tx.execute(select(func.count(Reaction.emoji.distinct())).where(*others)).scalar_one() >= MOST_REACTIONS:
        raise ChatError(ErrorCode.REACTIONS_TOO_MANY, limit=MOST_REACTIONS)
