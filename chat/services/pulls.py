"""Pulling: what is new in some rooms since the reader's cursors (specs, "polling")."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from chat.delivery import Hub, Key
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Membership, Room, StoredMessage
from chat.names import name_key
from chat.services.reading import Reading
from chat.services.room_views import activity
from chat.services.sessions import Sessions
from chat.storage import timeline
from chat.storage.store import Store

_rooms_of_member = (
    select(Room.name_key, Room.id, Room.last_time, Membership.read_time)
    .join(Membership, Membership.room_id == Room.id)
    .where(Membership.user_id == bindparam("user"), Room.deleted_at.is_(None))
    .where(Room.name_key.in_(bindparam("keys", expanding=True)))
)
LookedAt = frozenset[int] | None  # rooms' ids; None: all
NAME_REACH = 84  # characters; a room's name has 60, and may have " #" and its number behind them
ANSWER_MAX_BYTES = 8 * 1024 * 1024  # specs, "Bounds"


@dataclass(slots=True)
class News:
    """What a pull found: an array for each room, oldest first, and the names that are no rooms of the reader's."""

    rooms: dict[str, Sequence[StoredMessage]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    count: int = 0
    bytes: int = 0  # about

    @property
    def is_full(self) -> bool:
        """Whether more would not go into an answer anyhow."""
        return self.bytes >= ANSWER_MAX_BYTES

    def add(self, name: str, messages: Sequence[StoredMessage]) -> None:
        self.rooms[name] = messages
        self.count += len(messages)
        self.bytes += sum(len(m.content) + len(m.avatar) + m.attachment_size for m in messages)


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """Where a reader stands. It names no reader: all who stand there may share it, each with rights of their own."""

    rooms: Mapping[str, int]  # ids of those the reader is in, by the name the client used
    cursors: Mapping[str, int]  # µs, of every room asked for; not beyond what the room had when asked
    limit: int  # messages a room

    @property
    def missing(self) -> list[str]:
        """Rooms asked for that the reader is not in."""
        return [name for name in self.cursors if name not in self.rooms]

    def keys(self, actor: Actor) -> list[Key]:
        """What the reader is to be woken for."""
        return [("user", actor.user_id), *(("room", room_id) for room_id in set(self.rooms.values()))]

    def nothing(self) -> News:
        """An answer without messages."""
        return News({name: [] for name in self.rooms}, self.missing)


def marks_at(position: Position, looked_at: LookedAt) -> list[tuple[int, int]]:
    """Read marks (room id, µs) of a reader who stands there and looks at these rooms."""
    rooms = position.rooms.items()
    return [(id_, position.cursors[name]) for name, id_ in rooms if looked_at is None or id_ in looked_at]


_Resolved = tuple[Position, dict[int, int], list[tuple[int, int]]]


class Pulls:
    def __init__(self, store: Store, hub: Hub, sessions: Sessions, reading: Reading) -> None:
        self._store = store
        self._hub = hub
        self._sessions = sessions
        self._reading = reading

    def since(
        self, actor: Actor, cursors: Mapping[str, int], limit: int, looked_at: LookedAt = None
    ) -> tuple[Position, News]:
        """What there is in these rooms after the cursors (µs), at most `limit` messages a room.

        The cursors are read marks of the rooms that are looked at. Raises ROOM_NOT_FOUND where the actor is in none
        of them.
        """
        position, until, marks = self._resolve(actor, cursors, limit)
        self._reading.mark(actor.user_id, [mark for mark in marks if looked_at is None or mark[0] in looked_at])
        return position, self._look(position, until)

    def again(self, actor: Actor, position: Position) -> News | None:
        """What there is now that rights may have changed; None where the wait goes on.

        Raises NOT_SIGNED_IN where the session has ended.
        """
        if self._sessions.resolve(actor.session_id, actor.user_id) is None:
            raise ChatError(ErrorCode.NOT_SIGNED_IN)
        try:
            now, until, _ = self._resolve(actor, position.cursors, position.limit)
        except ChatError:
            return News(missing=list(position.cursors))  # put out of the last one: the wait ends
        news = self._look(now, until)
        return news if news.count or now.rooms != position.rooms else None

    def in_memory(self, position: Position) -> News | None:
        """What there is now, without the database; None where memory does not reach back so far. Never waits.

        Right only for a reader whose waiter has heard of no change of rights, before or after: see chat.http.hold.
        """
        news = News(missing=position.missing)
        for name, room_id in position.rooms.items():
            found = self._hub.feeds.since_in_memory(room_id, position.cursors[name], position.limit)
            if found is None:
                return None
            news.add(name, found)
        return news

    def moved(self, position: Position, cursors: Mapping[str, int]) -> Position | None:
        """Further cursors in the same rooms, without the database; None where that is not enough."""
        if cursors.keys() != position.rooms.keys():
            return None
        for name, room_id in position.rooms.items():
            end = self._hub.feeds.end(room_id)
            # A cursor beyond it is from the future, or from a process that knows more: the database tells which.
            if end is None or cursors[name] > end:
                return None
        return Position(position.rooms, cursors, position.limit)

    def newest(self, actor: Actor, limit: int) -> News:
        """At most `limit` messages in all: of the actor's `limit` most active rooms, each has an equal share.

        So it costs the same however many rooms there are beyond, and each of these has its newest message at least.
        """
        with self._store.read() as connection:
            rooms = connection.execute(
                select(Room.name, Room.id, Room.last_time)
                .join(Membership, Membership.room_id == Room.id)
                .where(Membership.user_id == actor.user_id, Room.deleted_at.is_(None))
                .order_by(activity.desc(), Room.id.desc())
                .limit(limit)
            ).all()
            share = limit // max(1, sum(room.last_time > 0 for room in rooms))
            found = timeline.newest_of_each(connection, [room.id for room in rooms], share)
        news = News()
        for room in rooms:
            news.add(room.name, found.get(room.id, []))
        return news

    def _resolve(self, actor: Actor, asked: Mapping[str, int], limit: int) -> _Resolved:
        """The rooms, found through the reader's memberships, and the last_time of each at that moment; cursors that are
        further than the read mark, by room.
        """
        # Normalising long names takes a while, and no room has one.
        keys = {name: name_key(name) if len(name) <= NAME_REACH else "" for name in asked}
        with self._store.read() as connection:
            values = {"user": actor.user_id, "keys": list(set(keys.values()))}
            found = {row.name_key: row for row in connection.execute(_rooms_of_member, values)}
        rooms: dict[str, int] = {}
        cursors = dict(asked)
        until: dict[int, int] = {}
        marks: list[tuple[int, int]] = []
        for name, key in keys.items():
            if key not in found:
                continue
            room = found[key]
            rooms[name] = room.id
            until[room.id] = room.last_time
            # A cursor from the future would hide what is to come; set here, what comes during the wait is newer.
            cursors[name] = min(cursors[name], room.last_time)
            if cursors[name] > room.read_time:
                marks.append((room.id, cursors[name]))
        if not rooms:
            raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=", ".join(name[:100] for name in asked))
        return Position(rooms, cursors, limit), until, marks

    def _look(self, position: Position, until: Mapping[int, int]) -> News:
        """What there was when the rooms were resolved, from memory where it reaches back so far.

        Not what has come since: the reader may have been put out in between.
        """
        news = News(missing=position.missing)
        for name, room_id in position.rooms.items():
            cursor = position.cursors[name]
            found = self._hub.feeds.since(room_id, cursor, position.limit) if not news.is_full else []
            news.add(name, [message for message in found if message.time <= until[room_id]])
        return news
