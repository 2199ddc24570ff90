"""Online users and active rooms of the site, for teachers."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from chat.clock import SECOND, Clock
from chat.models import Access, Actor, LoginSession, Membership, Message, Room, User
from chat.ports import Store
from chat.services import paging
from chat.services.access import AnyConnection
from chat.services.paging import Listed, Page
from chat.services.permissions import require_teacher
from chat.services.presence import Presence
from chat.services.user_directory import called

WINDOW_S = 60  # of the messages that are counted
MOST_ROOMS = 20
_MOST_AT_ONCE = 10_000  # ids in a query


@dataclass(frozen=True, slots=True)
class OnlineSession:
    protocol: str
    program: str  # as the client calls itself; "" if it does not
    since: int  # µs; log-in


@dataclass(frozen=True, slots=True)
class OnlineView:
    user_id: int
    username: str
    nickname: str
    is_teacher: bool
    sessions: list[OnlineSession]  # newest first


@dataclass(frozen=True, slots=True)
class ActiveRoom:
    id: int
    name: str
    messages: int  # in the last WINDOW_S
    online: int  # members
    members: int


@dataclass(frozen=True, slots=True)
class Activity:
    online: int
    accounts: int
    messages: int  # in the last WINDOW_S, those in private rooms too
    rooms: list[ActiveRoom]  # with messages in that time, most first, without private ones; at most MOST_ROOMS


class Overview:
    def __init__(self, store: Store, clock: Clock, presence: Presence) -> None:
        self._store = store
        self._clock = clock
        self._presence = presence

    def online(self, actor: Actor | None, page: Page) -> Listed[OnlineView]:
        """List online users, oldest accounts first. actor None: the administrator. Raises NOT_TEACHER."""
        require_teacher(actor)
        online = sorted(self._presence.everybody_online())[:_MOST_AT_ONCE]
        query = select(User.id, User.username, User.nickname, User.is_teacher).where(
            User.id.in_(online), User.deleted_at.is_(None)
        )
        if page.search:
            query = query.where(called(page.search))
        with self._store.read() as connection:
            rows = paging.fetch(connection, query, [User.id], page)
            sessions = self._sessions(connection, [row.id for row in rows])
        return rows.with_entries(
            [
                OnlineView(row.id, row.username, row.nickname, bool(row.is_teacher), sessions.get(row.id, []))
                for row in rows
            ]
        )

    def activity(self, actor: Actor | None) -> Activity:
        """Count people, and the messages of the last minute. actor None: the administrator. Raises NOT_TEACHER."""
        require_teacher(actor)
        online = sorted(self._presence.everybody_online())[:_MOST_AT_ONCE]
        since = self._clock() - WINDOW_S * SECOND
        new = (Message.room_id == Room.id, Message.time > since, Message.deleted_at.is_(None))
        count = func.count().label("messages")
        by_room = (
            select(Room.id, Room.name, Room.access, count)
            .join(Message, new[0])
            .where(Room.last_time > since, Room.deleted_at.is_(None), *new[1:])
            .group_by(Room.id, Room.name, Room.access)
            .order_by(count.desc(), Room.id)
        )
        living = select(func.count()).select_from(User).where(User.deleted_at.is_(None))
        with self._store.read() as connection:
            rows = connection.execute(by_room).all()
            shown = [row for row in rows if row.access == Access.OPEN][:MOST_ROOMS]
            members = _members(connection, [row.id for row in shown])
            present = _members(connection, [row.id for row in shown], online)
            accounts = connection.execute(living).scalar_one()
        rooms = [
            ActiveRoom(row.id, row.name, row.messages, present.get(row.id, 0), members.get(row.id, 0)) for row in shown
        ]
        return Activity(len(online), accounts, sum(row.messages for row in rows), rooms)

    def _sessions(self, connection: AnyConnection, user_ids: list[int]) -> dict[int, list[OnlineSession]]:
        """Return the sessions of online users: those the database knows to be online, else the newest."""
        now = self._clock()
        columns = (LoginSession.user_id, LoginSession.protocol, LoginSession.program, LoginSession.created_at)
        query = (
            select(*columns, LoginSession.online_until)
            .where(LoginSession.user_id.in_(user_ids), LoginSession.expires_at > now)
            .order_by(LoginSession.created_at.desc())
        )
        online: dict[int, list[OnlineSession]] = {}
        newest: dict[int, list[OnlineSession]] = {}
        for row in connection.execute(query):
            session = OnlineSession(row.protocol, row.program, row.created_at)
            newest.setdefault(row.user_id, [session])
            if row.online_until > now:
                online.setdefault(row.user_id, []).append(session)
        return newest | online


def _members(connection: AnyConnection, room_ids: list[int], user_ids: list[int] | None = None) -> dict[int, int]:
    """Return the numbers of members of rooms, or of those among these users."""
    query: Any = select(Membership.room_id, func.count()).where(Membership.room_id.in_(room_ids))
    if user_ids is not None:
        query = query.where(Membership.user_id.in_(user_ids))
    return {row[0]: row[1] for row in connection.execute(query.group_by(Membership.room_id))}
