"""Search in the messages of all rooms that a user is in (docs/decisions/0125)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, or_, select

from chat import folding
from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.models import Actor, Membership, Message, Room, StoredMessage
from chat.ports import Candidates, Store
from chat.services import access
from chat.services.access import MAX_ID, RoomRef
from chat.storage import timeline
from chat.storage.texts import Position

QUERY_MAX_CHARS = 100
SCAN = 10_000  # messages looked through where the index does not help
REACH = 3000  # candidates of the index that are looked at; the answer says where to continue
FIRST, GROWTH = 200, 4  # candidates, or scanned messages, at first, then more and more
_SHORT = 2  # characters of a term that the database compares by itself


@dataclass(frozen=True, slots=True)
class Hit:
    """A message found, and where: (start, length) in code points."""

    room: str  # its name
    message: StoredMessage
    places: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Found:
    hits: list[Hit]  # newest first
    next: int  # the `before` of the next page; 0: nothing is left


@dataclass(frozen=True, slots=True)
class _Wanted:
    terms: list[str]
    room_id: int | None
    conditions: list[ColumnElement[bool]]  # on Message: the rights of the caller, and the filters


class Search:
    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, actor: Actor, query: str, ref: RoomRef | None, sender: str | None, before: int, limit: int) -> Found:
        """Return the newest messages with all words and "quoted phrases" of the query, without regard to case.

        In the actor's rooms, or in one; of one sender; with ids below `before` (0: the newest). The work is bounded, so
        an answer may have fewer hits than `limit`, or none, and continue at `next`.

        Raises FIELD_INVALID (q) without a term, ROOM_NOT_FOUND, USER_NOT_FOUND.
        """
        enter_lane(Lane.LONG)
        terms = folding.terms_of(query)
        if not terms or len(query) > QUERY_MAX_CHARS:
            raise ChatError(ErrorCode.FIELD_INVALID, field="q")
        with self._store.read() as connection:
            wanted = _wanted(connection, actor, terms, ref, sender)
            found = self._look(connection, wanted, min(before, MAX_ID) or MAX_ID, limit)
            ids = [message_id for message_id, _ in found[0]]
            messages = {message.id: message for message in timeline.by_ids(connection, ids)}
            names = _names(connection, {message.room_id for message in messages.values()})
        places = dict(found[0])
        hits = [Hit(names[message.room_id], message, places[id_]) for id_ in ids if (message := messages.get(id_))]
        return Found(hits, found[1])

    def _look(
        self, connection: Connection, wanted: _Wanted, before: int, limit: int
    ) -> tuple[list[tuple[int, list[tuple[int, int]]]], int]:
        """Return ids of hits with their places, newest first, and where to continue."""
        hits: list[tuple[int, list[tuple[int, int]]]] = []
        by_index = self._store.texts.answers(wanted.terms) and not _is_small(connection, wanted.room_id)
        left, size = REACH if by_index else SCAN, FIRST
        while left > 0:
            size = min(size, left)
            if by_index:
                some = self._store.texts.candidates(connection, wanted.terms, before, size)
            else:
                some = _scanned(connection, wanted, before, size)
            for message_id, content in _readable(connection, wanted, some.ids):
                if places := folding.places(content, wanted.terms):
                    hits.append((message_id, places))
                    if len(hits) == limit:
                        return hits, message_id
            before = some.end
            if not before:
                return hits, 0
            left -= size
            size *= GROWTH
        return hits, before


def _wanted(connection: Connection, actor: Actor, terms: list[str], ref: RoomRef | None, sender: str | None) -> _Wanted:
    conditions: list[ColumnElement[bool]] = [Message.deleted_at.is_(None)]
    if sender is not None:
        conditions.append(Message.sender_id == access.user_id(connection, sender))
    if ref is not None:
        room_id = access.joined(connection, actor, ref).id
        # Candidates are looked up by their ids. With room_id alone, SQLite would read all of the room instead.
        return _Wanted(terms, room_id, [*conditions, Message.room_id + 0 == room_id])
    own = (
        select(Membership.room_id)
        .join(Room, Room.id == Membership.room_id)
        .where(Membership.user_id == actor.user_id, Membership.room_id == Message.room_id, Room.deleted_at.is_(None))
    )
    return _Wanted(terms, None, [*conditions, own.exists()])


def _is_small(connection: Connection, room_id: int | None) -> bool:
    """Whether a room has so few messages that looking through all of them is quicker and complete."""
    if room_id is None:
        return False
    more = select(Message.id).where(Message.room_id == room_id).order_by(Message.time).offset(SCAN // 2).limit(1)
    return connection.execute(more).first() is None


def _scanned(connection: Connection, wanted: _Wanted, before: int, most: int) -> Candidates:
    """Return those of the newest messages that contain the beginnings of all terms."""
    query = select(Message.id, Message.content).where(Message.id < before).limit(most)
    if wanted.room_id is None:
        query = query.order_by(Message.id.desc())
    else:
        query = query.where(Message.room_id == wanted.room_id).order_by(Message.time.desc())
        reached = select(Message.time).where(Message.id == before, Message.room_id == wanted.room_id)
        time = connection.execute(reached).scalar()
        if time is not None:
            query = query.where(Message.time < time)
    newest = query.subquery()
    contain = [
        or_(*(Position(newest.c.content, spelling) > 0 for spelling in folding.spellings(term[:_SHORT])))
        for term in wanted.terms
    ]
    ids = connection.execute(select(newest.c.id).where(*contain).order_by(newest.c.id.desc())).scalars().all()
    last = connection.execute(query.with_only_columns(Message.id).offset(most - 1).limit(1)).scalar()
    return Candidates(ids, last or 0)


def _readable(connection: Connection, wanted: _Wanted, ids: Sequence[int]) -> list[tuple[int, str]]:
    """Return ids and texts of the candidates that the conditions allow, newest first."""
    query = select(Message.id, Message.content).where(Message.id.in_(ids), *wanted.conditions)
    rows = connection.execute(query.order_by(Message.id.desc())).all() if ids else []
    return [(row.id, row.content) for row in rows]


def _names(connection: Connection, room_ids: set[int]) -> dict[int, str]:
    rows = connection.execute(select(Room.id, Room.name).where(Room.id.in_(room_ids))).all()
    return {row.id: row.name for row in rows}
