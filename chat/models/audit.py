"""The audit log."""

from sqlalchemy import Index, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Id, Microseconds

_OF_ROOM = text("room_id IS NOT NULL")


class AuditRow(db.Model):
    """An act of a room's owner or admin, or of a teacher. Only ever inserted.

    No foreign keys, and names as they were at that time: a row stays when what it tells of is gone.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_room_id", "room_id", "id", sqlite_where=_OF_ROOM, postgresql_where=_OF_ROOM),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    time: Mapped[int] = mapped_column(Microseconds)
    actor_id: Mapped[int | None] = mapped_column(Id)  # None: the administrator, by a command
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    room_id: Mapped[int | None] = mapped_column(Id)
    room: Mapped[str] = mapped_column(Text, server_default=text("''"))
    is_private: Mapped[bool] = mapped_column(server_default=false())  # only the room's own moderators may see it
    subject_id: Mapped[int | None] = mapped_column(Id)  # the user whom it was done to
    subject: Mapped[str] = mapped_column(Text, server_default=text("''"))
    message_id: Mapped[int | None] = mapped_column(Id)
    before: Mapped[str] = mapped_column(Text, server_default=text("''"))  # JSON
    after: Mapped[str] = mapped_column(Text, server_default=text("''"))  # JSON
