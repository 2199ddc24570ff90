"""Read marks (specs, "Reading"): moved forward by pulls, kept in memory, written in batches."""

import threading
from collections.abc import Iterable, Sequence
from typing import Protocol

from sqlalchemy import ColumnElement, bindparam, func, select, update

from chat.models import Membership, Message, Room
from chat.storage.prepared import Prepared
from chat.storage.store import Store

_forward = Prepared(
    update(Membership)
    .where(
        Membership.user_id == bindparam("user"),
        Membership.room_id == bindparam("room"),
        Membership.read_time < bindparam("time"),
    )
    .values(read_time=bindparam("time"))
)


UNREAD_REACH = 1000  # messages after the mark; those before them are not counted


def unread_count(most: int) -> ColumnElement[int]:
    """How many messages of others came after the mark, of the Room and Membership at hand, counted up to `most`.

    Only the newest UNREAD_REACH after the mark are looked at, so that it takes as long however much is unread.
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


class ReadsOn(Protocol):
    """A connection whose pulls come one after the other: it is asked, and need not tell of each."""

    @property
    def user_id(self) -> int: ...

    @property
    def marks(self) -> Sequence[tuple[int, int]]:
        """Room ids and times (µs), as of the last pull; another object where that said something else."""


class Reading:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._marks: dict[tuple[int, int], int] = {}
        self._followed: dict[ReadsOn, Sequence[tuple[int, int]]] = {}  # and what was heard of it
        self._flushing = threading.Lock()

    def mark(self, user_id: int, marks: Iterable[tuple[int, int]]) -> None:
        """The user has all of each room up to its time (µs)."""
        with self._lock:
            self._mark(user_id, marks)

    def _mark(self, user_id: int, marks: Iterable[tuple[int, int]]) -> None:
        for room_id, time in marks:
            key = (user_id, room_id)
            if self._marks.get(key, 0) < time:
                self._marks[key] = time

    def follow(self, pulls: ReadsOn) -> None:
        """What the first of them says has been marked; others will come after it, until unfollow."""
        with self._lock:
            self._followed[pulls] = pulls.marks

    def unfollow(self, pulls: ReadsOn) -> None:
        """No more of them will come."""
        with self._lock:
            heard = self._followed.pop(pulls, None)
            if heard is not None and pulls.marks is not heard:
                self._mark(pulls.user_id, pulls.marks)

    def written_mark(self, user_id: int, room_id: int) -> int:
        """The read mark (µs) as it is in the database; 0 for who is not in the room."""
        mine = select(Membership.read_time).where(Membership.user_id == user_id, Membership.room_id == room_id)
        with self._store.read() as connection:
            return connection.execute(mine).scalar() or 0

    def flush(self) -> None:
        """Write the marks gathered since the last time. What another thread is writing is written then too."""
        with self._flushing:  # else a mark that is set back after this could still be moved forward again
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
        rows = [{"user": user, "room": room, "time": time} for (user, room), time in written.items()]
        try:
            with self._store.write() as tx:
                tx.run_many(_forward, rows)
        except Exception:
            for (user, room), time in written.items():
                self.mark(user, [(room, time)])
            raise
