"""The audit log."""

from enum import StrEnum

from sqlalchemy import Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Id, Microseconds, partial_index


class AuditAction(StrEnum):
    """The kinds of acts."""

    ROOM_SETTINGS = "room_settings"
    ROOM_CHANGED = "room_changed"  # title, avatar
    ROOM_DELETED = "room_deleted"
    ROOM_CODE = "room_code"
    MEMBER_ADDED = "member_added"  # by somebody else
    MEMBER_REMOVED = "member_removed"
    MEMBER_BARRED = "member_barred"  # before, after: {"barred": …}
    MEMBER_MUTED = "member_muted"  # before, after: {"until": …}
    MEMBER_ROLE = "member_role"  # before, after: {"role": …}
    MESSAGE_EDITED = "message_edited"  # before, after: {"content": …}
    MESSAGE_DELETED = "message_deleted"  # before: {"content": …}
    MESSAGE_PINNED = "message_pinned"  # before, after: {"pinned": …}
    SITE_SETTINGS = "site_settings"
    TEACHER = "teacher"  # before, after: {"teacher": …}
    ACCOUNT_DISABLED = "account_disabled"  # before, after: {"disabled": …}
    ACCOUNT_RENAMED = "account_renamed"  # before, after: {"username": …, "nickname": …}
    ACCOUNT_DELETED = "account_deleted"
    PASSWORD_RESET = "password_reset"  # noqa: S105
    ROSTER_IMPORTED = "roster_imported"  # after: {"people": …}


class AuditRow(db.Model):
    """An act of a room's owner or admin, or of a teacher. Only ever inserted.

    No foreign keys, and names as of that time: a row outlives its room, message and users.
    """

    __tablename__ = "audit"
    __table_args__ = (
        partial_index("ix_audit_room_id", "room_id", "id", where="room_id IS NOT NULL"),
        # For services.audit.AuditLog.purge.
        partial_index("ix_audit_words", "id", where="message_id IS NOT NULL AND (before != '' OR after != '')"),
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
    subject_id: Mapped[int | None] = mapped_column(Id)  # the user concerned
    subject: Mapped[str] = mapped_column(Text, server_default=text("''"))
    message_id: Mapped[int | None] = mapped_column(Id)
    before: Mapped[str] = mapped_column(Text, server_default=text("''"))  # JSON
    after: Mapped[str] = mapped_column(Text, server_default=text("''"))  # JSON
