"""Pulling: what is new in some rooms since the reader's cursors (specs, "polling")."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from chat.delivery import Hub, Key
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Membership, Room, StoredMessage
from chat.names import name_key
from chat.services.lookups import LIST_CAP
from chat.services.reading import Reading
from chat.services.sessions import Sessions
from chat.storage import timeline
from chat.storage.store import Store

_rooms_of_member = (
    select(Room.name_key, Room.id, Room.last_time, Membership.read_time)
    .join(Membership, Membership.room_id == Room.id)
    .where(Membership.user_id == bindparam("user"), Room.deleted_at.is_(None))
    .where(Room.name_key.in_(bindparam("keys", expanding=True)))
)
ANSWER_MAX_BYTES = 8 * 1024 * 1024  # specs, "Bounds"


@dataclass(slots=True)
class News:
    """What a pull found: an array for each room, oldest first, and the names that are no rooms of the reader's."""

    rooms: dict[str, list[StoredMessage]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    count: int = 0
    bytes: int = 0  # about

    @property
    def is_full(self) -> bool:
        """Whether more would not go into an answer anyhow."""
        return self.bytes >= ANSWER_MAX_BYTES

    def add(self, name: str, messages: list[StoredMessage]) -> None:
        self.rooms[name] = messages
        self.count += len(messages)
        self.bytes += sum(len(m.content) + len(m.avatar) + m.attachment_size for m in messages)


class Pull:
    """One reader's question, which may be asked again and again until there is an answer."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        sessions: Sessions,
        reading: Reading,
        actor: Actor,
        cursors: Mapping[str, int],
        limit: int,
    ) -> None:
        self._store = store
        self._hub = hub
        self._sessions = sessions
        self._reading = reading
        self.actor = actor
        self._cursors = cursors
        self._limit = limit
        self._room_ids: dict[str, int] = {}  # by the name the client used; rooms the actor is in
        self._from: dict[tuple[str, int], int] = {}
        self._until: dict[int, int] = {}  # by room: its last_time when the reader was seen to be in it
        self._missing: list[str] = []

    @property
    def keys(self) -> list[Key]:
        """What to be woken for."""
        return [("user", self.actor.user_id), *(("room", room_id) for room_id in set(self._room_ids.values()))]

    def resolve(self) -> None:
        """Find the rooms through the reader's memberships, and set the cursors. Raises ROOM_NOT_FOUND."""
        keys = {name: name_key(name) for name in self._cursors}
        with self._store.read() as connection:
            values = {"user": self.actor.user_id, "keys": list(set(keys.values()))}
            found = {row.name_key: row for row in connection.execute(_rooms_of_member, values)}
        self._missing = [name for name, key in keys.items() if key not in found]
        self._room_ids.clear()
        for name, key in keys.items():
            if key not in found:
                continue
            room = found[key]
            self._room_ids[name] = room.id
            self._until[room.id] = room.last_time
            # A cursor from the future would hide what is to come. It is set once: what comes during the wait is newer.
            cursor = self._from.setdefault((name, room.id), min(self._cursors[name], room.last_time))
            if cursor > room.read_time:
                self._reading.mark(self.actor.user_id, room.id, cursor)
        if not self._room_ids:
            raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=", ".join(name[:100] for name in self._missing))

    def look(self) -> News:
        """What there was when the rooms were resolved, from memory where it reaches back so far.

        Not what has come since: the reader may have been put out in between.
        """
        news = News(missing=list(self._missing))
        for name, room_id in self._room_ids.items():
            found = self._hub.feeds.since(room_id, self._from[name, room_id], self._limit) if not news.is_full else []
            news.add(name, [message for message in found if message.time <= self._until[room_id]])
        return news

    def renewed(self, cursors: Mapping[str, int]) -> "Pull | None":
        """The same question from new cursors, without the database; None where that is not enough.

        For the same rooms only, all of them the reader's, and only while nothing has changed the reader's rights.
        """
        if self._missing or cursors.keys() != self._cursors.keys():
            return None
        pull = Pull(self._store, self._hub, self._sessions, self._reading, self.actor, cursors, self._limit)
        for name, room_id in self._room_ids.items():
            end = self._hub.feeds.end(room_id)
            # A cursor beyond it is from the future, or from a process that knows more: the database tells which.
            if end is None or cursors[name] > end:
                return None
            pull._room_ids[name] = room_id
            pull._from[name, room_id] = cursors[name]
            if cursors[name] > self._from[name, room_id]:
                self._reading.mark(self.actor.user_id, room_id, cursors[name])
        return pull

    def look_in_memory(self) -> News | None:
        """What there is now, without the database; None where memory does not reach back so far. Never waits.

        Right only where the waiter has heard of no change of rights, before or after: see chat.http.hold.
        """
        news = News(missing=list(self._missing))
        for name, room_id in self._room_ids.items():
            found = self._hub.feeds.since_in_memory(room_id, self._from[name, room_id], self._limit)
            if found is None:
                return None
            news.add(name, found)
        return news

    def nothing(self) -> News:
        """An answer without messages."""
        return News({name: [] for name in self._room_ids}, list(self._missing))

    def look_again(self) -> News | None:
        """After rights may have changed: None where the wait goes on, else what to answer.

        Raises NOT_SIGNED_IN where the session has ended.
        """
        if self._sessions.resolve(self.actor.session_id, self.actor.user_id) is None:
            raise ChatError(ErrorCode.NOT_SIGNED_IN)
        before = dict(self._room_ids)
        try:
            self.resolve()
        except ChatError:
            return News(missing=list(self._missing))  # put out of the last one: the wait ends
        news = self.look()
        return news if news.count or self._room_ids != before else None


class Pulls:
    def __init__(self, store: Store, hub: Hub, sessions: Sessions, reading: Reading) -> None:
        self._store = store
        self._hub = hub
        self._sessions = sessions
        self._reading = reading

    def since(self, actor: Actor, cursors: Mapping[str, int], limit: int) -> Pull:
        """A pull of at most `limit` messages a room, from these cursors (µs) on. Raises ROOM_NOT_FOUND."""
        pull = Pull(self._store, self._hub, self._sessions, self._reading, actor, cursors, limit)
        pull.resolve()
        return pull

    def newest(self, actor: Actor, limit: int) -> News:
        """The newest `limit` messages of each room that the actor is in."""
        with self._store.read() as connection:
            rooms = connection.execute(
                select(Room.name, Room.id)
                .join(Membership, Membership.room_id == Room.id)
                .where(Membership.user_id == actor.user_id, Room.deleted_at.is_(None))
                .order_by(Membership.id)
                .limit(LIST_CAP)
            ).all()
            news = News()
            for room in rooms:
                news.add(room.name, [] if news.is_full else timeline.newest(connection, room.id, limit))
        return news
