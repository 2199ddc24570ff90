"""Online users and active rooms of the site, for teachers."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select

from chat.clock import SECOND, Clock
from chat.models import Access, Actor, LoginSession, Membership, Message, Room, User
from chat.ports import Store
from chat.services import paging
from chat.services.access import AnyConnection
from chat.services.paging import Listed, Page
from chat.services.permissions import require_teacher
from chat.services.presence import Presence
from chat.services.user_directory import accounts, called, online_accounts
from chat.storage.number_set import is_among

WINDOW_S = 60  # of the messages that are counted
MOST_ROOMS = 20
MOST_SESSIONS = 20  # of one person


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
    sessions: list[OnlineSession]  # newest first, at most MOST_SESSIONS


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
        is_online = is_among(User.id, self._presence.everybody_online())
        query = select(User.id, User.username, User.nickname, User.is_teacher).where(
            is_online, User.deleted_at.is_(None)
        )
        with self._store.read() as connection:
            rows = paging.fetch(connection, query, [User.id], page, search=called)
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
        online = self._presence.everybody_online()
        since = self._clock() - WINDOW_S * SECOND
        count = func.count()
        by_room = (
            select(Room.id, Room.name, Room.access, count.label("messages"), func.sum(count).over().label("total"))
            .join(Message, Message.room_id == Room.id)
            .where(Room.last_time > since, Room.deleted_at.is_(None))
            .where(Message.time > since, Message.deleted_at.is_(None))
            .group_by(Room.id, Room.name, Room.access)
            .order_by((Room.access == Access.OPEN).desc(), count.desc(), Room.id)
            .limit(MOST_ROOMS)
        )
        with self._store.read() as connection:
            rows = connection.execute(by_room).all()
            shown = [row for row in rows if row.access == Access.OPEN]
            members = _members(connection, [row.id for row in shown])
            people = connection.execute(accounts).scalar_one()
            people_online = online_accounts(connection, online)
        rooms = [
            ActiveRoom(row.id, row.name, row.messages, len(members[row.id] & online), len(members[row.id]))
            for row in shown
        ]
        return Activity(people_online, people, int(rows[0].total) if rows else 0, rooms)

    def _sessions(self, connection: AnyConnection, user_ids: list[int]) -> dict[int, list[OnlineSession]]:
        """Return the sessions of online users: those the database knows to be online, else the newest."""
        now = self._clock()
        is_online = LoginSession.online_until > now
        newest_first = (is_online.desc(), LoginSession.created_at.desc(), LoginSession.id.asc())
        columns = [LoginSession.user_id, LoginSession.protocol, LoginSession.program, LoginSession.created_at]
        ranked = (
            select(*columns, is_online.label("is_online"))
            .add_columns(func.row_number().over(partition_by=LoginSession.user_id, order_by=newest_first).label("rank"))
            .where(LoginSession.user_id.in_(user_ids), LoginSession.expires_at > now)
            .subquery()
        ).c
        query = (
            select(ranked.user_id, ranked.protocol, ranked.program, ranked.created_at)
            .where(or_(ranked.rank == 1, and_(ranked.is_online, ranked.rank <= MOST_SESSIONS)))
            .order_by(ranked.user_id, ranked.rank)
        )
        found: dict[int, list[OnlineSession]] = {}
        for row in connection.execute(query):
            found.setdefault(row.user_id, []).append(OnlineSession(row.protocol, row.program, row.created_at))
        return found


def _members(connection: AnyConnection, room_ids: list[int]) -> dict[int, set[int]]:
    """Return the user ids of the members of rooms, without deleted accounts."""
    members: dict[int, set[int]] = defaultdict(set)
    query = select(Membership.room_id, Membership.user_id).join(User, User.id == Membership.user_id)
    query = query.where(Membership.room_id.in_(room_ids), User.deleted_at.is_(None))
    for row in connection.execute(query):
        members[row.room_id].add(row.user_id)
    return members
