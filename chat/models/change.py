"""Changes to what a room shows: entries of its timeline, beside the messages (specs, classroom)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Microseconds
from chat.models.message import StoredMessage


class ChangeKind(StrEnum):
    DELETED = "deleted"  # a message, for all
    EDITED = "edited"  # a message's text


class Change(db.Model):
    """Took a tick of the room's clock, in the transaction that changed something."""

    __tablename__ = "changes"
    __table_args__ = (Index("ix_changes_message_id", "message_id"),)

    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), primary_key=True, autoincrement=False)
    time: Mapped[int] = mapped_column(Microseconds, primary_key=True, autoincrement=False)  # no message has the same
    kind: Mapped[str] = mapped_column(Text)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"))
    actor_id: Mapped[int] = mapped_column(ForeignKey("users.id"))  # who changed it
    # Of an edit: what the text was before, until the message is deleted.
    before: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))


@dataclass(frozen=True, slots=True)
class StoredChange:
    """A change as read back. Shared between threads.

    It says what is so now, not what was so then: a reader who takes it in twice, or late, ends with the same.
    """

    room_id: int
    time: int  # µs
    kind: ChangeKind
    actor_id: int  # who changed it
    username: str  # theirs
    message_id: int
    message_time: int  # µs; of the message
    content: str = ""  # of an edit: the text
    # What clients were sent of it, by format.
    encoded: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    # So that an answer's size is added up without asking what is a message.
    avatar: ClassVar[str] = ""
    attachment_size: ClassVar[int] = 0


Entry = StoredMessage | StoredChange  # of a timeline
