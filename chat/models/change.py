"""Changes of messages: entries of a room's timeline beside the messages (docs/decisions/0120)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, NamedTuple

from sqlalchemy import ForeignKey, Index, Text, text, true
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Microseconds
from chat.models.message import StoredMessage


class ChangeKind(StrEnum):
    DELETED = "deleted"  # a message, for all
    EDITED = "edited"  # a message's text
    REACTIONS = "reactions"  # somebody put an emoji to a message, or took it away
    PINNED = "pinned"  # a message was pinned, or unpinned
    ROOM = "room"  # the room's settings
    MEMBERS = "members"  # memberships began, ended or changed
    TYPING = "typing"  # somebody is writing: takes no time of the clock, and is stored nowhere


class Change(db.Model):
    """Took a tick of the room's clock, in the transaction that changed something."""

    __tablename__ = "changes"
    __table_args__ = (Index("ix_changes_message_id", "message_id"),)

    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), primary_key=True, autoincrement=False)
    time: Mapped[int] = mapped_column(Microseconds, primary_key=True, autoincrement=False)  # no message has the same
    kind: Mapped[str] = mapped_column(Text)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))  # None: it is about no message
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # None: the administrator, by a command
    # Of an edit: the previous text, until the message is deleted.
    before: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    # Of a reaction: the emoji, and whether it was put there or taken away.
    emoji: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    is_on: Mapped[bool] = mapped_column(default=True, server_default=true())  # of a pin, too
    data: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))  # of settings and members: JSON


class Reaction(db.Model):
    """That a person has put an emoji to a message."""

    __tablename__ = "reactions"

    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), primary_key=True, autoincrement=False)
    emoji: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, autoincrement=False)
    time: Mapped[int] = mapped_column(Microseconds)  # of the change


class MemberState(NamedTuple):
    """A member after a change."""

    user_id: int
    username: str
    role: str | None  # None: not a member any more
    muted_until: int  # µs


@dataclass(frozen=True, slots=True)
class StoredChange:
    """A change as read from the database. Shared between threads.

    A reader that applies it twice, or late, ends with the same state: an edit holds the current text, and the last of a
    person's changes of one emoji decides.
    """

    room_id: int
    time: int  # µs
    kind: ChangeKind
    actor_id: int  # 0: the administrator, by a command
    username: str  # theirs
    message_id: int = 0
    message_time: int = 0  # µs; of the message
    content: str = ""  # of an edit: the text
    emoji: str = ""
    is_on: bool = True
    mentions: tuple[str, ...] = ()  # of an edit: those of the current text
    mentions_all: bool = False
    settings: str = ""  # of the room: JSON
    members: tuple[MemberState, ...] = ()  # the changed ones
    # Encoded forms by protocol format.
    encoded: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    # Lets an answer's size be summed over messages and changes alike.
    avatar: ClassVar[str] = ""
    attachment_size: ClassVar[int] = 0


Entry = StoredMessage | StoredChange  # of a timeline
