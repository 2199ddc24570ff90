"""Announcements of a group, and invitations that await its owner's or admins' approval."""

from enum import IntEnum

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Id, Microseconds, partial_index


class InvitationStatus(IntEnum):
    """The values appear on the wire and in the database."""

    WAITING = 0
    REFUSED = 1
    ACCEPTED = 2
    CAME_OTHERWISE = 3


class Invitation(db.Model):
    """A member's proposal to add a user to the room."""

    __tablename__ = "invitations"
    __table_args__ = (
        # One answer is enough, however many members invite the same user.
        partial_index("uq_invitations_waiting", "room_id", "receiver_id", where="status = 0", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), index=True)
    sender_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    receiver_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[int] = mapped_column(Microseconds)
    status: Mapped[int]  # InvitationStatus


class Announcement(db.Model):
    __tablename__ = "announcements"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), index=True)
    sender_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    content: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(Microseconds)
