"""Read marks (docs/specification.md, "Reading"): moved forward by pulls, kept in memory, written in batches."""

import threading
from collections.abc import Iterable, Sequence
from typing import Protocol

from sqlalchemy import BigInteger, ColumnElement, func, select, update

from chat.models import EVERYBODY, Membership, Mention, Message, Room
from chat.ports import Store
from chat.storage.prepared import Batch

_forward = Batch(
    lambda value: (
        update(Membership)
        .where(
            Membership.user_id == value("user"),
            Membership.room_id == value("room"),
            Membership.read_time < value("time"),
        )
        .values(read_time=value("time"))
    ),
    {"user": BigInteger(), "room": BigInteger(), "time": BigInteger()},
)


UNREAD_REACH = 1000  # messages after the mark that are examined; older ones are not counted


def unread_count(most: int) -> ColumnElement[int]:
    """Count messages by others after the mark of the enclosing query's Room and Membership, up to `most`.

    Only the newest UNREAD_REACH messages after the mark are examined, so the cost does not grow with the backlog.
    """
    newest = (
        select(Message.sender_id, Message.deleted_at)
        .where(Message.room_id == Room.id, Message.time > Membership.read_time)
        .order_by(Message.time.desc())
        .limit(UNREAD_REACH)
        .correlate(Room, Membership)
        .subquery()
    )
    others = (
        select(newest.c.sender_id)
        .where(newest.c.sender_id != Membership.user_id, newest.c.deleted_at.is_(None))
        .limit(most)
        .correlate(Room, Membership)
        .subquery()
    )
    return select(func.count()).select_from(others).scalar_subquery()


def unread_mentions(most: int) -> ColumnElement[int]:
    """How many messages of others after the mark, of the Room and Membership at hand, name the member, up to `most`."""
    is_named = (Mention.room_id == Room.id, Mention.user_id.in_([Membership.user_id, EVERYBODY]))
    named = (
        select(Mention.message_id)
        .join(Message, Message.id == Mention.message_id)
        .where(*is_named, Mention.time > Membership.read_time, Message.sender_id != Membership.user_id)
        .distinct()
        .limit(most)
        .correlate(Room, Membership)
        .subquery()
    )
    return select(func.count()).select_from(named).scalar_subquery()


class ReadsOn(Protocol):
    """A connection with consecutive pulls, which is asked for its marks when they are written."""

    @property
    def user_id(self) -> int: ...

    @property
    def marks(self) -> Sequence[tuple[int, int]]:
        """Room ids and times (µs) of the last pull; a new object whenever they change."""


class ReadMarks:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._marks: dict[tuple[int, int], int] = {}
        self._followed: dict[ReadsOn, Sequence[tuple[int, int]]] = {}  # with the marks last received from each
        self._flushing = threading.Lock()

    def mark(self, user_id: int, marks: Iterable[tuple[int, int]]) -> None:
        """Record that the user has read each room up to its time (µs)."""
        with self._lock:
            self._mark(user_id, marks)

    def _mark(self, user_id: int, marks: Iterable[tuple[int, int]]) -> None:
        for room_id, time in marks:
            key = (user_id, room_id)
            if self._marks.get(key, 0) < time:
                self._marks[key] = time

    def follow(self, pulls: ReadsOn) -> None:
        """Ask this connection for its marks from now on, until `unfollow`. Its current ones are already recorded."""
        with self._lock:
            self._followed[pulls] = pulls.marks

    def unfollow(self, pulls: ReadsOn) -> None:
        """Stop asking this connection."""
        with self._lock:
            heard = self._followed.pop(pulls, None)
            if heard is not None and pulls.marks is not heard:
                self._mark(pulls.user_id, pulls.marks)

    def written_mark(self, user_id: int, room_id: int) -> int:
        """Return the read mark (µs) in the database; 0 for a non-member."""
        mine = select(Membership.read_time).where(Membership.user_id == user_id, Membership.room_id == room_id)
        with self._store.read_each() as connection:
            return connection.execute(mine).scalar() or 0

    def flush(self) -> None:
        """Write the marks gathered since the last call, and wait for marks that another thread is writing."""
        with self._flushing:  # otherwise a mark that is set back after this could be moved forward again
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            for pulls, heard in self._followed.items():
                marks = pulls.marks
                if marks is not heard:
                    self._followed[pulls] = marks
                    self._mark(pulls.user_id, marks)
            written, self._marks = self._marks, {}
        if not written:
            return
        rows = [{"user": user, "room": room, "time": time} for (user, room), time in sorted(written.items())]
        try:
            with self._store.write() as tx:
                tx.run_many(_forward, rows)
        except Exception:
            for (user, room), time in written.items():
                self.mark(user, [(room, time)])
            raise
