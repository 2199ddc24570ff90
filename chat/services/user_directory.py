"""Lists and search of users, and profiles as seen by other users (docs/specification.md, "ims")."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.models import Actor, Friendship, Message, User
from chat.names import name_key
from chat.ports import Store
from chat.services import access, paging
from chat.services.access import AnyConnection, RoomRef, within_64_bits
from chat.services.paging import WHOLE, Listed, Page
from chat.services.presence import Presence
from chat.storage.avatars import avatars_of
from chat.storage.number_set import is_among

MOST_FOUND = 50

accounts = select(func.count()).select_from(User).where(User.deleted_at.is_(None))  # how many are not deleted
columns = (User.id, User.email, User.nickname, User.deleted_at.is_not(None).label("is_deleted"))


class Person(NamedTuple):
    """A user as seen by others, deleted accounts included."""

    user_id: int
    email: str
    nickname: str
    is_deleted: bool
    avatar: str


@dataclass(frozen=True, slots=True)
class Found:
    person: Person
    is_friend: bool


class UserDirectory:
    def __init__(self, store: Store, presence: Presence) -> None:
        self._store = store
        self._presence = presence

    def search(self, actor: Actor, name: str) -> list[Found]:
        """Find users by a part of the nickname, case-insensitive; exact matches first, at most 50."""
        enter_lane(Lane.LONG)
        key = name_key(name)
        if not key:
            return []
        query = (
            select(*columns, _is_friend_of(actor.user_id))
            .where(User.nickname_key.contains(key, autoescape=True))
            .order_by(User.nickname_key != key, User.nickname_key, User.id)
            .limit(MOST_FOUND)
        )
        with self._store.read() as connection:
            rows = connection.execute(query).all()
            return [Found(who, row.is_friend) for who, row in zip(persons(connection, rows), rows, strict=True)]

    def find(self, actor: Actor, user_id: int) -> Found:
        """Return the user with this id, deleted ones included. Raises USER_NOT_FOUND."""
        query = select(*columns, _is_friend_of(actor.user_id)).where(User.id == within_64_bits(user_id))
        with self._store.read() as connection:
            row = connection.execute(query).first()
            if row is None:
                raise ChatError(ErrorCode.USER_NOT_FOUND, username=user_id)
            return Found(persons(connection, [row])[0], row.is_friend)

    def everybody(self, page: Page = WHOLE) -> Listed[tuple[int, str]]:
        """Return ids and usernames of all accounts that are not deleted, oldest first."""
        query = select(User.id, User.username).where(User.deleted_at.is_(None))
        with self._store.read() as connection:
            rows = paging.fetch(connection, query, [User.id], page, search=called)
        return rows.with_entries([(row.id, row.username) for row in rows])

    def count(self) -> tuple[int, int]:
        """Return the number of accounts that are not deleted, and how many of them are online."""
        online = self._presence.everybody_online()
        with self._store.read() as connection:
            return connection.execute(accounts).scalar_one(), online_accounts(connection, online)

    def authors(self, actor: Actor, ref: RoomRef, message_ids: Collection[int]) -> Sequence[Any]:
        """Return the authors of messages of a room, each once: id, username, nickname, is_teacher, avatar.

        Raises ROOM_NOT_FOUND, also for non-members.
        """
        with self._store.read() as connection:
            room = access.joined(connection, actor, ref)
            written = select(Message.sender_id).where(Message.id.in_(message_ids), Message.room_id == room.id)
            shown = select(User.id, User.username, User.nickname, User.is_teacher, User.avatar).order_by(User.id)
            return connection.execute(shown.where(User.id.in_(written.where(Message.deleted_at.is_(None))))).all()


def online_accounts(connection: AnyConnection, online: set[int]) -> int:
    """Return how many of these users have an account. Deleted ones are among the online users for a second or two."""
    return connection.execute(accounts.where(is_among(User.id, online))).scalar_one()


def called(search: str) -> ColumnElement[bool]:
    """The condition that the text is part of a User's username or nickname, case-insensitive."""
    return or_(paging.matches(User.username_key, search), paging.matches(User.nickname_key, search))


def persons(connection: AnyConnection, rows: Sequence[Any]) -> list[Person]:
    """Build persons, with avatars, from rows that begin with `columns`."""
    avatars = avatars_of(connection, User, [row[0] for row in rows])
    return [
        Person(id_, email, nickname, is_deleted, avatars.get(id_, "")) for id_, email, nickname, is_deleted, *_ in rows
    ]


def _is_friend_of(user_id: int) -> Any:
    theirs = or_(
        and_(Friendship.low_id == user_id, Friendship.high_id == User.id),
        and_(Friendship.low_id == User.id, Friendship.high_id == user_id),
    )
    return exists().where(theirs, Friendship.ended_at.is_(None)).label("is_friend")
