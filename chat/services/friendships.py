"""Friendship queries for other services; `services.friends` creates and ends friendships."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, case, or_, select

from chat.models import Friendship
from chat.services.access import AnyConnection, within_64_bits


class FoundFriendship(NamedTuple):
    id: int
    room_id: int
    is_over: bool


def of(user_id: int) -> ColumnElement[bool]:
    """The condition that a Friendship, ended ones included, belongs to the user."""
    return or_(Friendship.low_id == user_id, Friendship.high_id == user_id)


def other(user_id: int) -> ColumnElement[int]:
    """The id of the other user in one of the user's friendships."""
    return case((Friendship.low_id == user_id, Friendship.high_id), else_=Friendship.low_id)


def between(connection: AnyConnection, one_id: int, other_id: int) -> FoundFriendship | None:
    """Return the friendship of two users, ended ones included; None if they have never been friends."""
    low, high = sorted(map(within_64_bits, (one_id, other_id)))
    query = select(Friendship.id, Friendship.room_id, Friendship.ended_at.is_not(None))
    row = connection.execute(query.where(Friendship.low_id == low, Friendship.high_id == high)).first()
    return None if row is None else FoundFriendship(*row)


def are_friends(connection: AnyConnection, one_id: int, other_id: int) -> bool:
    """Whether the two are friends now."""
    found = between(connection, one_id, other_id)
    return found is not None and not found.is_over


def friends_among(connection: AnyConnection, user_id: int, ids: Iterable[int]) -> set[int]:
    """Return those of the ids that are the user's friends now."""
    friend_id = other(user_id)
    query = select(friend_id).where(of(user_id), Friendship.ended_at.is_(None), friend_id.in_(set(ids)))
    return set(connection.execute(query).scalars())
