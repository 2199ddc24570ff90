"""Events for other processes: one row each, written in the transaction that caused it."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.change import StoredChange
from chat.models.columns import Id, Microseconds
from chat.models.message import StoredMessage


class EventKind(StrEnum):
    MESSAGE = "message"  # subject: room; a message was stored
    CHANGE = "change"  # subject: room; a change was stored: a message was edited or deleted
    ROOM = "room"  # subject: room; it was changed or deleted: read it again
    USER = "user"  # subject: user; sessions or memberships changed: read them again
    PROFILE = "profile"  # subject: user; the name or avatar shown with their messages changed
    # Signals: transient events. Clients that are not connected miss them; each process delivers each once.
    ENTERED = "entered"  # subject: room; data: the user, whose first socket there has come
    LEFT = "left"  # subject: room; data: the user, whose last socket there has gone
    FRIEND_REQUESTED = "friend_requested"  # subject: the user who receives the request
    UNFRIENDED = "unfriended"  # subject: user; one event for each of the two
    ADMITTED = "admitted"  # subject: the user added to a room
    MEMBERS = "members"  # subject: room; a membership began or ended
    CONCERNS_MEMBERS = "concerns_members"  # subject: room; a new member, an announcement, or an answered invitation
    TYPING = "typing"  # subject: room; data: the typing user
    ANNOUNCED = "announced"  # subject: room; an announcement was posted or deleted


TIMELINE = frozenset({EventKind.MESSAGE, EventKind.CHANGE})  # events with a time of the room's clock
ROOM_SIGNALS = frozenset(
    {EventKind.ENTERED, EventKind.LEFT, EventKind.MEMBERS, EventKind.CONCERNS_MEMBERS, EventKind.ANNOUNCED}
)
SIGNALS = ROOM_SIGNALS | {EventKind.TYPING, EventKind.FRIEND_REQUESTED, EventKind.UNFRIENDED, EventKind.ADMITTED}


class EventRow(db.Model):
    """On SQLite, writers run one at a time: ids have no gaps, and their order is the commit order."""

    __tablename__ = "events"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[int] = mapped_column(Id)
    time: Mapped[int] = mapped_column(Microseconds)  # of the message, change or signal
    data: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))  # signals only: JSON
    written_at: Mapped[int] = mapped_column(Microseconds)  # by the wall clock; for trimming


@dataclass(frozen=True, slots=True)
class Event:
    """An EventRow, with the message or change itself in the process that stored it."""

    kind: EventKind
    subject_id: int
    time: int = 0  # of the message or change, µs; for signals, by the clock
    message: StoredMessage | None = None
    prev_time: int = 0  # of the message or change: the room's clock before it
    data: str = ""  # signals only: JSON
    id: int = 0  # if the bus has read it: its place in the order of commits (ports.Moment)
    change: StoredChange | None = None
    rights_version: int = 0  # of a message or change in the process that stored it: the room's
