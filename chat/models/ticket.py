"""Room tickets for connections without a session (docs/specification.md, "realtime")."""

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Microseconds


class RoomTicket(db.Model):
    """Single-use: deleting the row redeems the ticket."""

    __tablename__ = "room_tickets"

    secret: Mapped[str] = mapped_column(Text, primary_key=True)  # random, 160 bits
    # The ticket ends with the session that requested it.
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"))
    # The room's last message time when the ticket was issued; None in tickets of earlier versions.
    since: Mapped[int | None] = mapped_column(Microseconds)
    expires_at: Mapped[int] = mapped_column(Microseconds, index=True)
