"""Rooms and their members."""

from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Text, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Id, Microseconds, partial_index


class Access(StrEnum):
    """How users get into a room (docs/specification.md, "Room"). A passwd may be required in addition."""

    OPEN = "open"
    # Rooms below are visible to their members only, who add others; services.permissions decides which members may.
    INVITE = "invite"
    GROUP = "group"  # for ims
    DIRECT = "direct"  # a conversation of two users; nobody can be added


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"


class Room(db.Model):
    """A room, called conversation or chat group in some protocols."""

    __tablename__ = "rooms"
    __table_args__ = (
        # A deleted room releases its name.
        partial_index("uq_rooms_living_name_key", "name_key", where="deleted_at IS NULL", unique=True),
        partial_index("uq_rooms_lobby", "is_lobby", where="is_lobby AND deleted_at IS NULL", unique=True),
        # For services.purging.
        partial_index("ix_rooms_deleted", "deleted_at", where="deleted_at IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(Text)  # names.name_key(name)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    avatar: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
    access: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text)  # polling's "type", returned as the client sent it
    passwd_hash: Mapped[str | None] = mapped_column(Text)
    is_lobby: Mapped[bool] = mapped_column(default=False)
    join_code: Mapped[str | None] = mapped_column(Text, index=True, unique=True)  # services.join_codes
    # Settings (services.room_settings); the topic is the description.
    settings_version: Mapped[int] = mapped_column(default=0, server_default="0")  # the number of changes
    read_only: Mapped[bool] = mapped_column(default=False, server_default=false())
    slow_mode: Mapped[int | None]  # seconds; None: the site's default
    archived_at: Mapped[int | None] = mapped_column(Microseconds)
    seen_by: Mapped[bool] = mapped_column(default=True, server_default=true())  # whether readers are shown
    created_at: Mapped[int] = mapped_column(Microseconds)
    updated_at: Mapped[int] = mapped_column(Microseconds, server_default="0")  # last change of title or description
    deleted_at: Mapped[int | None] = mapped_column(Microseconds)
    # The room's clock: times of its newest message, of the one before, and of its newest change. Only
    # services.room_clock advances it.
    last_time: Mapped[int] = mapped_column(Microseconds, default=0, server_default="0")
    prev_time: Mapped[int] = mapped_column(Microseconds, default=0, server_default="0")
    change_time: Mapped[int] = mapped_column(Microseconds, default=0, server_default="0")
    # How often members have lost the right to read; 0 on SQLite, which publishes commits in their order. A message
    # tells by it that its readers must be looked at again (Hub).
    rights_version: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")


class Membership(db.Model):
    """A user's membership of a room. Access to a room is granted only through this row."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("room_id", "user_id"),
        # For the counts in services.bounds; few memberships of a user match.
        partial_index("ix_memberships_owned", "user_id", where="role = 'owner'"),
        partial_index("ix_memberships_added", "user_id", where="added_by_id IS NOT NULL"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)  # ascending: the lowest id is the longest-standing member
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[str] = mapped_column(Text)
    joined_at: Mapped[int] = mapped_column(Microseconds)
    # The user who added this member; None if they joined by themselves or have entered since. No foreign key: SQLite
    # cannot add one to a table that others refer to.
    added_by_id: Mapped[int | None] = mapped_column(Id)
    read_time: Mapped[int] = mapped_column(Microseconds)  # messages up to here count as read
    is_pinned: Mapped[bool] = mapped_column(default=False, server_default=false())
    may_remind: Mapped[bool] = mapped_column(default=True, server_default=true())
    muted_until: Mapped[int] = mapped_column(Microseconds, default=0, server_default="0")


class Restriction(db.Model):
    """Restrictions of a user in a room, which outlive the membership."""

    __tablename__ = "restrictions"

    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, autoincrement=False)
    is_barred: Mapped[bool] = mapped_column(default=False, server_default=false())  # they must not come back
    # As in the membership, for when they come back.
    muted_until: Mapped[int] = mapped_column(Microseconds, default=0, server_default="0")


class Pin(db.Model):
    """A message pinned in its room."""

    __tablename__ = "pins"

    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(
        ForeignKey("messages.id"), primary_key=True, autoincrement=False, index=True
    )
    time: Mapped[int] = mapped_column(Microseconds)  # of the change
