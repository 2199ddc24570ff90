"""Transactions by SQLAlchemy, and what all databases' stores share."""

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
RETRY_AFTER = 2  # seconds, told to clients when the database cannot be used just now


class WriteTransaction:
    """What a service sees of the one transaction it writes in."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.events: list[Event] = []

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run one statement. Raises IntegrityError where a unique name is taken."""
        return self._connection.execute(statement, parameters)

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The same for what every send runs."""
        return statement.run(self._connection, values)

    def run_many(self, statement: Prepared, rows: Iterable[Mapping[str, Any]]) -> None:
        """The same once for each of the rows."""
        statement.run_many(self._connection, rows)

    def emit(self, event: Event) -> None:
        """Tell the waiting clients of all processes, once this is committed."""
        self.events.append(event)


class SqlStore:
    """The part of a Store that does not depend on the database. `published` gets a transaction's events after it."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self._clock = clock
        self.published: Callable[[Sequence[Event]], None] | None = None
        self.has_many_commits: Callable[[], None] = lambda: None

    def _write_events(self, transaction: WriteTransaction) -> None:
        now = self._clock()
        for e in transaction.events:
            row = {"kind": e.kind.value, "subject_id": e.subject_id, "time": e.time, "data": e.data, "written_at": now}
            transaction.run(_insert_event, row)

    def _publish(self, events: Sequence[Event]) -> None:
        metrics.count(metrics.MESSAGES_STORED, sum(event.kind is EventKind.MESSAGE for event in events))
        if self.published is None:
            return
        try:
            self.published(events)
        except Exception:
            # It is committed, so it must be answered as such; waiting clients learn it from the events table.
            log.exception("publishing to waiting clients failed")
