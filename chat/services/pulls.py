"""Pulls: new messages since the reader's cursors (docs/specification.md, "polling")."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import lt

from sqlalchemy import bindparam, select

from chat.delivery import Key
from chat.delivery.feed import Feeds
from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.models import Actor, ChangeKind, Entry, Event, EventKind, Membership, Room, StoredChange
from chat.names import name_key
from chat.services.read_marks import ReadMarks
from chat.services.readers import Reader, Sources, not_woken, stored_by
from chat.services.room_views import IS_CURRENT, activity
from chat.storage import timeline

_rooms_of_member = (
    select(Room.name_key, Room.id, Room.last_time, Room.change_time, Membership.read_time)
    .join(Membership, Membership.room_id == Room.id)
    .where(Membership.user_id == bindparam("user"), Room.deleted_at.is_(None))
    .where(Room.name_key.in_(bindparam("keys", expanding=True)))
)
LookedAt = frozenset[int] | None  # room ids; None: all rooms
# Characters; room names have up to 60, and may end in " #" and a number. In NFD a letter has up to three.
NAME_REACH = 252
ANSWER_MAX_BYTES = 8 * 1024 * 1024  # docs/specification.md, "Bounds"
SHORT_ANSWER_BYTES = 256 * 1024  # larger answers are built in Lane.LONG
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
    size: int = 0  # bytes, approximate
    rights_changed: bool = False  # the reader is in other rooms than before
    encoded: bytes | None = None  # of news that readers share: the answer, once one of them has encoded it

    @property
    def is_due(self) -> bool:
        """Whether to answer with it, rather than hold the pull."""
        return self.count > 0 or self.rights_changed

    @property
    def is_full(self) -> bool:
        """Whether the answer has reached its size limit."""
        return self.size >= ANSWER_MAX_BYTES

    def add(self, name: str, messages: Sequence[Entry]) -> None:
        self.rooms[name] = messages
        self.count += len(messages)
        self.size += approximate_bytes(messages)


class Position:
    """A reader's cursors, with the news that memory has after them.

    Contains no reader, so all readers with the same cursors share one; rights are checked separately.
    """

    __slots__ = ("_version", "changes", "cursors", "limit", "marks", "news", "rooms", "seen")

    def __init__(self, rooms: Mapping[str, int], cursors: Mapping[str, int], limit: int, changes: bool = False) -> None:
        self.rooms = rooms  # ids by the name that the client used, for rooms the reader is in
        self.cursors = cursors  # µs, for every requested room; at most the room's last time when the pull arrived
        self.limit = limit  # messages per room
        self.changes = changes  # whether the reader gets changes, too
        self.marks = marks_at(self, None)
        self.news: News | None = None  # at the last look; None: memory does not reach back far enough
        self.seen = -1  # Feeds.changes at the last look
        self._version: int | None = None

    def look(self, feeds: Feeds) -> None:
        """Look in memory for `news`. Never blocks. Does not check the readers' rights.

        All readers get the same object until something is new.
        """
        self.seen = feeds.changes  # read first, so that a change during the look causes another look
        version = feeds.version(self.rooms.values())
        if version is None or version != self._version:
            self.news = None if version is None else self._find(feeds)
            self._version = version

    def _find(self, feeds: Feeds) -> News | None:
        news = News(missing=self.missing)
        for name, room_id in self.rooms.items():
            found = feeds.since_in_memory(room_id, self.cursors[name], self.limit, changes=self.changes)
            if found is None:
                return None
            news.add(name, found)
        return news

    def moved(self, cursors: Mapping[str, int], feeds: Feeds) -> "Position | None":
        """Return the position with newer cursors in the same rooms, from memory; None if memory is not sufficient."""
        if cursors.keys() != self.rooms.keys():
            return None
        for name, room_id in self.rooms.items():
            end = feeds.end(room_id)
            # The cursor is in the future or from a process that is ahead: only the database can tell.
            if end is None or cursors[name] > end:
                return None
        return Position(self.rooms, cursors, self.limit, self.changes)

    def is_ahead(self, cursors: Mapping[str, int], feeds: Feeds, until: int) -> bool:
        """Whether only these cursors, up to that time (µs), are newer than memory: their entries are on their
        way from another process.
        """
        if cursors.keys() != self.rooms.keys() or max(cursors.values(), default=0) > until:
            return False
        return all(feeds.end(room_id) is not None for room_id in self.rooms.values())

    def is_behind(self, other: "Position") -> bool:
        """Whether any cursor is before the other's in the same room."""
        marks, others = self.marks, other.marks  # of the same rooms, in the same order
        # a single room takes a quarter of the time
        return marks < others if len(marks) == 1 else any(map(lt, marks, others))

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


class PullReader(Reader[News]):
    """The reader of one pull, or of consecutive pulls in the same rooms. `find_again` may tell of other rooms."""

    __slots__ = ("position",)

    def __init__(self, sources: Sources, actor: Actor, position: Position) -> None:
        super().__init__(sources, actor, position.keys(actor), not_woken)
        self.position = position

    def up_to(self, until: Mapping[int, int], *, may_move: bool = False) -> News:
        """Return the news up to the rooms' clocks (µs by room id).

        With `may_move`, a long answer moves to Lane.LONG as soon as it is known to be long, because everything is read
        again there.
        """
        return self._up_to(self.position, until, may_move=may_move)

    def find(self) -> News | None:
        """As Reader.find, without calls between: thousands of pulls look at the same moment, most at one position."""
        position, feeds = self.position, self._sources.hub.feeds
        if position.seen != feeds.changes:
            position.look(feeds)
        return None if self.recheck else position.news

    def _in_database(self) -> News:
        asked = self.position
        try:
            now, until, _ = resolve(self._sources, self.actor, asked.cursors, asked.limit, changes=asked.changes)
        except ChatError as error:
            if error.code is not ErrorCode.ROOM_NOT_FOUND:
                raise
            news = News(missing=list(asked.cursors), rights_changed=True)  # removed from the last room
        else:
            news = self._up_to(now, until)
            news.rights_changed = now.rooms != asked.rooms
        self.recheck = self.recheck or news.rights_changed  # the position is no longer the reader's
        return news

    def _up_to(self, position: Position, until: Mapping[int, int], *, may_move: bool = False) -> News:
        """From memory if it reaches back far enough."""
        feeds = self._sources.hub.feeds
        news = News(missing=position.missing)
        for name, room_id in position.rooms.items():
            found: Sequence[Entry] = []
            if not news.is_full:
                cursor = position.cursors[name]
                found = feeds.since(room_id, cursor, position.limit, changes=position.changes)
            news.add(name, stored_by(until[room_id], found))
            if may_move and news.size > SHORT_ANSWER_BYTES:
                enter_lane(Lane.LONG)
        return news


_Resolved = tuple[Position, dict[int, int], list[tuple[int, int]]]


class Pulls:
    def __init__(self, sources: Sources, reading: ReadMarks) -> None:
        self._sources = sources
        self._reading = reading

    def since(
        self, actor: Actor, cursors: Mapping[str, int], limit: int, looked_at: LookedAt = None, *, changes: bool = False
    ) -> tuple[PullReader, News]:
        """Return the messages after the cursors (µs), at most `limit` per room, and a reader that can wait for more.

        changes: includes these. The cursors become read marks of the rooms in `looked_at`. Raises ROOM_NOT_FOUND if the
        actor is in none of the rooms.
        """
        position, until, marks = resolve(self._sources, actor, cursors, limit, changes=changes)
        self._reading.mark(actor.user_id, [mark for mark in marks if looked_at is None or mark[0] in looked_at])
        reader = PullReader(self._sources, actor, position)
        return reader, reader.up_to(until, may_move=True)

    def newest(self, actor: Actor, limit: int) -> News:
        """Return at most `limit` messages in all, shared equally among the actor's `limit` most active rooms.

        Every room gets at least its newest message, and the cost does not depend on the number of other rooms.
        """
        with self._sources.store.read() as connection:
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


def resolve(sources: Sources, actor: Actor, asked: Mapping[str, int], limit: int, *, changes: bool) -> _Resolved:
    """Resolve rooms through the reader's memberships, with each room's end (µs), and cursors beyond the read mark
    by room.
    """
    # Normalising a long name is slow, and no room name is that long.
    keys = {name: name_key(name) if len(name) <= NAME_REACH else "" for name in asked}
    with sources.store.read_each() as connection:
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
