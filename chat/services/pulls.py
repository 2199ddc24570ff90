"""Pulls: new messages since the reader's cursors (docs/specification.md, "polling")."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from chat.delivery import Hub, Key
from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.models import Actor, ChangeKind, Entry, Event, EventKind, Membership, Room, StoredChange
from chat.names import name_key
from chat.ports import Store
from chat.services.read_marks import ReadMarks
from chat.services.room_views import IS_CURRENT, activity
from chat.services.sessions import Sessions
from chat.storage import timeline

_rooms_of_member = (
    select(Room.name_key, Room.id, Room.last_time, Room.change_time, Membership.read_time)
    .join(Membership, Membership.room_id == Room.id)
    .where(Membership.user_id == bindparam("user"), Room.deleted_at.is_(None))
    .where(Room.name_key.in_(bindparam("keys", expanding=True)))
)
LookedAt = frozenset[int] | None  # room ids; None: all rooms
NAME_REACH = 84  # characters; room names have up to 60, and may end in " #" and a number
ANSWER_MAX_BYTES = 8 * 1024 * 1024  # docs/specification.md, "Bounds"
SHORT_ANSWER_BYTES = 64 * 1024  # larger answers are built in Lane.LONG
AROUND_BYTES = 128  # approximate size of a message without its content


def approximate_bytes(messages: Iterable[Entry]) -> int:
    """Estimate the size of an answer with these messages."""
    return sum(AROUND_BYTES + len(m.content) + len(m.avatar) + m.attachment_size for m in messages)


@dataclass(slots=True)
class News:
    """The result of a pull: a list of messages per room, oldest first, and the names of rooms the reader is not in."""

    rooms: dict[str, Sequence[Entry]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    count: int = 0
    bytes: int = 0  # approximate

    @property
    def is_full(self) -> bool:
        """Whether the answer has reached its size limit."""
        return self.bytes >= ANSWER_MAX_BYTES

    def add(self, name: str, messages: Sequence[Entry]) -> None:
        self.rooms[name] = messages
        self.count += len(messages)
        self.bytes += approximate_bytes(messages)


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """A reader's cursors. Contains no reader, so all readers with the same cursors share one; rights are checked
    separately.
    """

    rooms: Mapping[str, int]  # room ids by the name that the client used, for rooms the reader is in
    cursors: Mapping[str, int]  # µs, for every requested room; at most the room's last time when the pull arrived
    limit: int  # messages per room
    changes: bool = False  # whether the reader gets changes, too

    @property
    def missing(self) -> list[str]:
        """Requested rooms that the reader is not in."""
        return [name for name in self.cursors if name not in self.rooms]

    def keys(self, actor: Actor) -> list[Key]:
        """The notifier keys that wake the reader."""
        kinds = ("room", "changes") if self.changes else ("room",)
        return [("user", actor.user_id), *((kind, room_id) for kind in kinds for room_id in set(self.rooms.values()))]

    def typing(self, signals: Iterable[Event], actor: Actor) -> News:
        """Return who else is writing, by signals: entries with the reader's own cursors, which they do not move.

        Without rooms if nobody is.
        """
        names = {room_id: name for name, room_id in self.rooms.items()}
        found: dict[str, dict[int, StoredChange]] = {}
        for signal in signals:
            name = names.get(signal.subject_id)
            if signal.kind is not EventKind.TYPING or name is None:
                continue
            who = json.loads(signal.data)
            if who["user_id"] != actor.user_id:
                entry = StoredChange(
                    room_id=signal.subject_id,
                    time=self.cursors[name],
                    kind=ChangeKind.TYPING,
                    actor_id=who["user_id"],
                    username=who["username"],
                    message_id=0,
                    message_time=0,
                )
                found.setdefault(name, {})[entry.actor_id] = entry
        news = self.nothing() if found else News()
        for name, entries in found.items():
            news.add(name, list(entries.values()))
        return news

    def nothing(self) -> News:
        """An empty answer."""
        return News({name: [] for name in self.rooms}, self.missing)


def marks_at(position: Position, looked_at: LookedAt) -> list[tuple[int, int]]:
    """Return read marks (room id, µs) for a reader at this position with these rooms on screen."""
    rooms = position.rooms.items()
    return [(id_, position.cursors[name]) for name, id_ in rooms if looked_at is None or id_ in looked_at]


_Resolved = tuple[Position, dict[int, int], list[tuple[int, int]]]


class Pulls:
    def __init__(self, store: Store, hub: Hub, sessions: Sessions, reading: ReadMarks) -> None:
        self._store = store
        self._hub = hub
        self._sessions = sessions
        self._reading = reading

    def since(
        self, actor: Actor, cursors: Mapping[str, int], limit: int, looked_at: LookedAt = None, *, changes: bool = False
    ) -> tuple[Position, News]:
        """Return the messages after the cursors (µs), at most `limit` per room.

        changes: includes these. The cursors become read marks of the rooms in `looked_at`. Raises ROOM_NOT_FOUND if the
        actor is in none of the rooms.
        """
        position, until, marks = self._resolve(actor, cursors, limit, changes)
        self._reading.mark(actor.user_id, [mark for mark in marks if looked_at is None or mark[0] in looked_at])
        return position, self._look(position, until, may_move=True)

    def again(self, actor: Actor, position: Position) -> News | None:
        """Look again after a possible change of rights; None if the pull remains held.

        Raises NOT_SIGNED_IN if the session has ended.
        """
        if self._sessions.resolve(actor.session_id, actor.user_id) is None:
            raise ChatError(ErrorCode.NOT_SIGNED_IN)
        try:
            now, until, _ = self._resolve(actor, position.cursors, position.limit, position.changes)
        except ChatError:
            return News(missing=list(position.cursors))  # removed from the last room, so the pull is answered
        news = self._look(now, until)
        return news if news.count or now.rooms != position.rooms else None

    def in_memory(self, position: Position) -> News | None:
        """Look in memory only; None if memory does not reach back far enough. Never blocks.

        Valid only if the waiter has not been told of a change of rights, before or after (chat.http.long_poll).
        """
        news = News(missing=position.missing)
        for name, room_id in position.rooms.items():
            found = self._hub.feeds.since_in_memory(
                room_id, position.cursors[name], position.limit, changes=position.changes
            )
            if found is None:
                return None
            news.add(name, found)
        return news

    def moved(self, position: Position, cursors: Mapping[str, int]) -> Position | None:
        """Return the position with newer cursors in the same rooms, from memory; None if memory is not sufficient."""
        if cursors.keys() != position.rooms.keys():
            return None
        for name, room_id in position.rooms.items():
            end = self._hub.feeds.end(room_id)
            # The cursor is in the future or from a process that is ahead: only the database can tell.
            if end is None or cursors[name] > end:
                return None
        return Position(position.rooms, cursors, position.limit, position.changes)

    def newest(self, actor: Actor, limit: int) -> News:
        """Return at most `limit` messages in all, shared equally among the actor's `limit` most active rooms.

        Every room gets at least its newest message, and the cost does not depend on the number of other rooms.
        """
        with self._store.read() as connection:
            rooms = connection.execute(
                select(Room.name, Room.id, Room.last_time)
                .join(Membership, Membership.room_id == Room.id)
                .where(Membership.user_id == actor.user_id, Room.deleted_at.is_(None), IS_CURRENT)
                .order_by(activity.desc(), Room.id.desc())
                .limit(limit)
            ).all()
            share = limit // max(1, sum(room.last_time > 0 for room in rooms))
            found = timeline.newest_of_each(connection, [room.id for room in rooms], share)
        news = News()
        for room in rooms:
            news.add(room.name, found.get(room.id, []))
        return news

    def _resolve(self, actor: Actor, asked: Mapping[str, int], limit: int, changes: bool = False) -> _Resolved:
        """Resolve rooms through the reader's memberships, with each room's end (µs), and cursors beyond the read mark
        by room.
        """
        # Normalising a long name is slow, and no room name is that long.
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
            end = until[room.id] = max(room.last_time, room.change_time) if changes else room.last_time
            # A cursor in the future would hide new messages; clamped here, messages that arrive during the wait are
            # newer.
            cursors[name] = min(cursors[name], end)
            if cursors[name] > room.read_time:
                marks.append((room.id, cursors[name]))
        if not rooms:
            raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=", ".join(name[:100] for name in asked))
        return Position(rooms, cursors, limit, changes), until, marks

    def _look(self, position: Position, until: Mapping[int, int], *, may_move: bool = False) -> News:
        """Return the messages that existed when the rooms were resolved, from memory if it reaches back far enough.

        Newer messages are left out: the reader may have been removed from the room since. With `may_move`, a long
        answer moves to Lane.LONG as soon as it is known to be long, because everything is read again there.
        """
        news = News(missing=position.missing)
        for name, room_id in position.rooms.items():
            cursor = position.cursors[name]
            found: Sequence[Entry] = []
            if not news.is_full:
                found = self._hub.feeds.since(room_id, cursor, position.limit, changes=position.changes)
            news.add(name, [entry for entry in found if entry.time <= until[room_id]])
            if may_move and news.bytes > SHORT_ANSWER_BYTES:
                enter_lane(Lane.LONG)
        return news
