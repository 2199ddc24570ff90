"""What other processes must learn: one row per event, written in the transaction that made it true."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Id, Microseconds
from chat.models.message import StoredMessage


class EventKind(StrEnum):
    MESSAGE = "message"  # subject: room; a message was stored
    DELETION = "deletion"  # subject: room; its message of that time was deleted
    ROOM = "room"  # subject: room; it was deleted or changed: look at it again
    USER = "user"  # subject: user; sessions or memberships changed: look at them again
    PROFILE = "profile"  # subject: user; messages show another name or avatar of theirs from now on
    # Signals: things that just happen. Who is not there misses them; each process hears of each once.
    ENTERED = "entered"  # subject: room; data: the user, who was not there by any socket
    LEFT = "left"  # subject: room; data: the user, whose last socket there has gone
    FRIEND_REQUESTED = "friend_requested"  # subject: user, who is asked
    UNFRIENDED = "unfriended"  # subject: user; there is one event for each of the two
    ADMITTED = "admitted"  # subject: user, who is in one room more
    MEMBERS = "members"  # subject: room; somebody became a member, or is none any more
    CONCERNS_MEMBERS = "concerns_members"  # subject: room; somebody came in, an announcement, an answered invitation


ROOM_SIGNALS = frozenset({EventKind.ENTERED, EventKind.LEFT, EventKind.MEMBERS, EventKind.CONCERNS_MEMBERS})
SIGNALS = ROOM_SIGNALS | {EventKind.FRIEND_REQUESTED, EventKind.UNFRIENDED, EventKind.ADMITTED}


class EventRow(db.Model):
    """On SQLite, writers take turns: ids have no gaps, and their order is the order of the commits."""

    __tablename__ = "events"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[int] = mapped_column(Id)
    time: Mapped[int] = mapped_column(Microseconds)  # of the message or signal
    data: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))  # of a signal: JSON
    written_at: Mapped[int] = mapped_column(Microseconds)  # by the wall clock: when to trim it


@dataclass(frozen=True, slots=True)
class Event:
    """An EventRow, with the message itself where this process stored it."""

    kind: EventKind
    subject_id: int
    time: int = 0  # of the message, µs; of a signal, by the clock
    message: StoredMessage | None = None
    prev_time: int = 0  # of the message: the room's last_time before it
    data: str = ""  # of a signal: JSON
    id: int = 0  # the row's, where the bus has read it
