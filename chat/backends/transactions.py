"""Transactions with SQLAlchemy, shared by the stores of all databases."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable, insert, update

from chat import metrics
from chat.clock import Clock
from chat.models import SIGNALS, Event, EventKind, EventRow, Room
from chat.storage.prepared import Batch, Prepared

log = logging.getLogger(__name__)
_insert_event = Prepared(insert(EventRow).returning(EventRow.id), ["kind", "subject_id", "time", "data", "written_at"])
MOST_OWN = 10_000  # more than buses are behind
RETRY_AFTER = 2  # seconds, told to clients while the database is unavailable


class WriteTransaction:
    """The write transaction as services see it."""

    chains_inserts = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.events: list[Event] = []
        self.unstored: list[Event] = []  # those whose rows the commit writes

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Execute one statement. Raises IntegrityError for a duplicate unique value."""
        return self._connection.execute(statement, parameters)

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Execute a prepared statement of the send path."""
        return statement.run(self._connection, values)

    def run_many(self, batch: Batch, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute an update for each of these rows of values."""
        batch.run_each(self._connection, rows)

    def lock_rooms(self, room_ids: Iterable[int]) -> bool:  # noqa: ARG002
        """Lock nothing: a writer on SQLite has the whole database."""
        return False

    def lock_users(self, user_ids: Iterable[int]) -> bool:  # noqa: ARG002
        return False

    def lock_names(self, names: Iterable[str]) -> None:
        pass

    def share_names(self, names: Iterable[str]) -> None:
        pass

    def revoke_rights(self, room_ids: Iterable[int]) -> None:
        """Raise the rights_version of the rooms, which messages carry.

        A process that sends the next message may not have heard of the change yet: it hears of it by the message.
        """
        more = update(Room).where(Room.id.in_(list(room_ids))).values(rights_version=Room.rights_version + 1)
        self.execute(more)

    def emit(self, event: Event, *, is_stored: bool = False) -> None:
        """Notify waiting clients in all processes after the commit. is_stored: a statement has written its row."""
        self.events.append(event)
        if not is_stored:
            self.unstored.append(event)


class SqlStore:
    """The part of a Store that does not depend on the database."""

    logged: frozenset[EventKind] = frozenset()  # kinds of events that other processes find elsewhere than in `events`

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self._clock = clock
        self.listeners: list[Callable[[Sequence[Event]], None]] = []
        self._own: OrderedDict[int, None] = OrderedDict()  # ids of events that the listeners here are told of
        self.many_commits: Callable[[], None] = lambda: None

    def on_commit(self, call: Callable[[Sequence[Event]], None]) -> None:
        """Call this with a transaction's events after its commit, after earlier listeners."""
        self.listeners.append(call)

    def on_many_commits(self, call: Callable[[], None]) -> None:
        """Call this when a checkpoint is due early."""
        self.many_commits = call

    def is_own(self, row_id: int) -> bool:
        """Whether an event was committed by this process, and its listeners are told: a bus need not tell them again.

        Not signals, which a bus delivers in the order of all processes' commits.
        """
        return row_id in self._own

    def forget_own(self) -> None:
        """Have the bus tell of all events, its own ones again: after a crash the database gives ids out again."""
        self._own = OrderedDict()  # a new one: writers may be using the old one

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """Open a write transaction, committed unless the block raises; its events are published after the commit.

        Raises ChatError(UNAVAILABLE) if the database is away, busy or full: nothing is stored then, unless a connection
        was lost while the commit was being answered.
        """
        with self._writing():
            ids: list[int] = []
            try:
                with self._begun() as transaction:
                    yield transaction
                    self._write_events(transaction, ids)
            except BaseException:
                for row_id in ids:  # not own ones: another process may get the same ids
                    self._own.pop(row_id, None)
                raise
            if transaction.events:
                self._publish(transaction.events)

    def _writing(self) -> AbstractContextManager[None]:
        """The lock or translation of errors around a transaction and the publication of its events."""
        raise NotImplementedError

    def _begun(self) -> AbstractContextManager[WriteTransaction]:
        """Begin a transaction, committed unless the block raises."""
        raise NotImplementedError

    def _write_events(self, transaction: WriteTransaction, ids: list[int]) -> None:
        rows = [event for event in transaction.unstored if event.kind not in self.logged]
        if not rows:
            return
        now, own = self._clock(), self._own
        for e in rows:
            row = {"kind": e.kind.value, "subject_id": e.subject_id, "time": e.time, "data": e.data, "written_at": now}
            ((row_id,),) = transaction.run(_insert_event, row)
            if self.listeners and e.kind not in SIGNALS:
                ids.append(row_id)
                own[row_id] = None  # before the commit, as a bus may read it at once
        while len(own) > MOST_OWN:
            own.popitem(last=False)

    def _publish(self, events: Sequence[Event]) -> None:
        metrics.count(metrics.MESSAGES_STORED, sum(event.kind is EventKind.MESSAGE for event in events))
        for listener in self.listeners:
            try:
                listener(events)
            except Exception:
                # Committed, so it must be reported as success.
                log.exception("telling of a commit failed")
