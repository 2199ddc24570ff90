"""Transactions with SQLAlchemy, shared by the stores of all databases."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable, insert

from chat import metrics
from chat.clock import Clock
from chat.models import Event, EventKind, EventRow
from chat.storage.prepared import Prepared

log = logging.getLogger(__name__)
_insert_event = Prepared(insert(EventRow), ["kind", "subject_id", "time", "data", "written_at"])
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

    def run_many(self, statement: Prepared, rows: Iterable[Mapping[str, Any]]) -> None:
        """Execute a prepared statement once per row."""
        statement.run_many(self._connection, rows)

    def lock_rooms(self, room_ids: Iterable[int]) -> bool:  # noqa: ARG002
        """Lock nothing: a writer on SQLite has the whole database."""
        return False

    def lock_users(self, user_ids: Iterable[int]) -> bool:  # noqa: ARG002
        return False

    def lock_names(self, names: Iterable[str]) -> None:
        pass

    def revoke_rights(self, room_ids: Iterable[int]) -> None:
        """Nothing: commits are published in their order, so readers hear of it before later messages."""

    def emit(self, event: Event, *, is_stored: bool = False) -> None:
        """Notify waiting clients in all processes after the commit. is_stored: a statement has written its row."""
        self.events.append(event)
        if not is_stored:
            self.unstored.append(event)


class SqlStore:
    """The part of a Store that does not depend on the database. `published` is called with a transaction's events after
    its commit.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self._clock = clock
        self.published: Callable[[Sequence[Event]], None] | None = None
        self.has_many_commits: Callable[[], None] = lambda: None

    def _write_events(self, transaction: WriteTransaction) -> None:
        now = self._clock()
        for e in transaction.unstored:
            row = {"kind": e.kind.value, "subject_id": e.subject_id, "time": e.time, "data": e.data, "written_at": now}
            transaction.run(_insert_event, row)

    def _publish(self, events: Sequence[Event]) -> None:
        metrics.count(metrics.MESSAGES_STORED, sum(event.kind is EventKind.MESSAGE for event in events))
        if self.published is None:
            return
        try:
            self.published(events)
        except Exception:
            # Committed, so it must be reported as success; waiting clients learn it from the events table.
            log.exception("publishing to waiting clients failed")
