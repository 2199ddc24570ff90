"""Presence in rooms by sockets: others are told of a user's first socket in a room and of the last one leaving."""

import secrets
import threading
from typing import Any

from sqlalchemy import and_, bindparam, delete, func, insert, select, text, update

from chat.clock import SECOND, Clock
from chat.models import Actor, Event, EventKind, Process, User, Visitor, VisitRow
from chat.ports import Store, WriteTransaction
from chat.services.membership_changes import accept_within
from chat.storage.prepared import Prepared

ALIVE_FOR = 20 * SECOND  # µs; visits of a dead process end after this time
RENEW_AT = 12 * SECOND  # µs remaining
# On PostgreSQL two threads may find at once that the row is missing: the second one waits for the first.
_begin_lease = text("INSERT INTO processes (id, alive_until) VALUES (:id, :alive_until) ON CONFLICT (id) DO NOTHING")

_dead = Prepared(select(Process.id).where(Process.alive_until < bindparam("now")))


class Visit:
    """One socket's presence in one room, from `enter` to `leave`."""

    __slots__ = ("room_id", "row_id", "visitor")

    def __init__(self, room_id: int, visitor: Visitor) -> None:
        self.room_id = room_id
        self.visitor = visitor
        self.row_id = 0


class RoomPresence:
    """Visits are counted in the database, in the transaction that emits the signal, so that all processes agree."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._here: set[Visit] = set()
        self._left: set[Visit] = set()  # visits whose end could not be written yet
        self._process = ""
        self._alive_until = 0

    def enter(self, actor: Actor, room_id: int) -> Visit:
        """Enter a room that the actor is a member of; pair with `leave`. Raises UNAVAILABLE."""
        visit = Visit(room_id, Visitor(actor.user_id, actor.username, actor.nickname))
        with self._store.write() as tx:
            self._be_alive(tx, room_id)
            self._write(tx, visit)
            accept_within(tx, room_id, actor.user_id)
        with self._lock:
            self._here.add(visit)
        return visit

    def leave(self, visit: Visit) -> None:
        """End a visit when its socket closes. If the database is unavailable, it is written later."""
        with self._lock:
            self._here.discard(visit)
            self._left.add(visit)
        self._write_left()

    def beat(self) -> None:
        """Heartbeat: extend this process's lease and end visits of processes whose lease has expired."""
        self._write_left()
        if self._here and self._alive_until - self._clock() < RENEW_AT:
            with self._store.write() as tx:
                self._be_alive(tx)
        with self._store.read() as connection:
            dead = _dead.run(connection, {"now": self._clock()})
        for (process_id,) in dead:
            self._end(process_id)

    def end(self) -> None:
        """End all visits of this process, which is stopping."""
        if self._process:
            self._end(self._process, stopping=True)

    def _write(self, tx: WriteTransaction, visit: Visit) -> None:
        user_id = visit.visitor.user_id
        if not _is_there(tx, visit.room_id, user_id):
            tx.emit(Event(EventKind.ENTERED, visit.room_id, self._clock(), data=visit.visitor.dump()))
        row = {"process_id": self._process, "room_id": visit.room_id, "user_id": user_id}
        visit.row_id = tx.execute(insert(VisitRow).values(row).returning(VisitRow.id)).scalar_one()

    def _write_left(self) -> None:
        with self._lock:
            left, self._left = self._left, set()
        if not left:
            return
        try:
            with self._store.write() as tx:
                tx.lock_rooms(visit.room_id for visit in left)
                for visit in left:
                    # The row id of a failed commit may belong to another process now.
                    mine = and_(VisitRow.id == visit.row_id, VisitRow.process_id == self._process)
                    if tx.execute(delete(VisitRow).where(mine)).rowcount:
                        self._tell_left(tx, visit.room_id, visit.visitor)
        except Exception:
            with self._lock:
                self._left |= left
            raise

    def _tell_left(self, tx: WriteTransaction, room_id: int, visitor: Visitor) -> None:
        if not _is_there(tx, room_id, visitor.user_id):
            tx.emit(Event(EventKind.LEFT, room_id, self._clock(), data=visitor.dump()))

    def _be_alive(self, tx: WriteTransaction, *room_ids: int) -> None:
        """Renew this process's row; the rooms, which are going to be counted in, are locked."""
        with self._lock:
            self._process = self._process or secrets.token_hex(8)
        self._alive_until = self._clock() + ALIVE_FOR
        lease = {"id": self._process, "alive_until": self._alive_until}
        renew = update(Process).where(Process.id == self._process).values(alive_until=self._alive_until)
        if tx.execute(renew).rowcount or not tx.execute(_begin_lease, lease).rowcount:
            tx.lock_rooms(room_ids)
            return
        # This process was delayed so long that others considered it dead. Sockets that leave meanwhile wait for the
        # lock and find the new row.
        with self._lock:
            here = list(self._here)
        tx.lock_rooms({*room_ids, *(visit.room_id for visit in here)})
        for visit in here:
            self._write(tx, visit)

    def _end(self, process_id: str, *, stopping: bool = False) -> None:
        with self._store.write() as tx:
            over = Process.id == process_id if stopping else Process.alive_until < self._clock()
            if not tx.execute(select(func.count()).where(Process.id == process_id, over)).scalar():
                return  # the process is alive after all, or another process was faster
            gone: Any = tx.execute(
                select(VisitRow.room_id, User.id, User.username, User.nickname)
                .join(User, User.id == VisitRow.user_id)
                .where(VisitRow.process_id == process_id)
                .distinct()
            ).all()
            tx.execute(delete(VisitRow).where(VisitRow.process_id == process_id))
            tx.execute(delete(Process).where(Process.id == process_id))
            for room_id, *about in gone:
                self._tell_left(tx, room_id, Visitor(*about))


def _is_there(tx: WriteTransaction, room_id: int, user_id: int) -> bool:
    there = select(VisitRow.id).where(VisitRow.room_id == room_id, VisitRow.user_id == user_id).limit(1)
    return tx.execute(there).first() is not None
