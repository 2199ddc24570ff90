"""Friendships, friend requests, and users' private groups of friends."""

from enum import IntEnum

from sqlalchemy import CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chat.extensions import db
from chat.models.columns import Id, Microseconds


class Friendship(db.Model):
    """One row for two users, friends now or formerly."""

    __tablename__ = "friendships"
    __table_args__ = (
        UniqueConstraint("low_id", "high_id"),
        CheckConstraint("low_id < high_id", name="one_row_a_pair"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    low_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    high_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), unique=True)  # their direct conversation
    ended_at: Mapped[int | None] = mapped_column(Microseconds)  # None while they are friends


class RequestStatus(IntEnum):
    """The values appear on the wire and in the database."""

    WAITING = 0
    ACCEPTED = 1
    REFUSED = 2
    FRIENDS_OTHERWISE = 3  # a request in the other direction was accepted


class FriendRequest(db.Model):
    """The latest request from one user to another; a new request replaces an answered one."""

    __tablename__ = "friend_requests"
    __table_args__ = (UniqueConstraint("sender_id", "receiver_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    sender_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    receiver_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    message: Mapped[str] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(Microseconds)
    status: Mapped[int]  # RequestStatus


class FriendGroup(db.Model):
    __tablename__ = "friend_groups"
    __table_args__ = (UniqueConstraint("owner_id", "name"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(Text)


class FriendGroupMember(db.Model):
    __tablename__ = "friend_group_members"

    group_id: Mapped[int] = mapped_column(ForeignKey("friend_groups.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
