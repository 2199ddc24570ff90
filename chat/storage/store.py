"""Transactions. Everything that reads or writes the database goes through Store.read or Store.write."""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Executable, insert, text
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chat import metrics
from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Event, EventKind, EventRow
from chat.storage.engine import BEGIN_OPTION, INCREMENTAL
from chat.storage.prepared import Prepared

log = logging.getLogger(__name__)
_bytes_used = text(
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_free_pages = text("SELECT freelist_count, auto_vacuum FROM pragma_freelist_count, pragma_auto_vacuum")
_insert_event = Prepared(insert(EventRow), ["kind", "subject_id", "time", "data", "written_at"])
CHECKPOINT_COMMITS = 20
MANY_COMMITS = 300  # about 1,800 pages of the log: well before SQLite has a writer move them (engine.LOG_MAX_PAGES)
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


class Store:
    """One database. `published` is called with a transaction's events after its commit."""

    def __init__(self, engine: Engine, clock: Clock, busy_seconds: float) -> None:
        self.engine = engine
        self._clock = clock
        self.published: Callable[[Sequence[Event]], None] | None = None
        self._busy_seconds = busy_seconds
        # SQLite has one writer at a time. Threads of this process take turns here instead of
        # racing for the file's lock with sleeps in between.
        self._turn = threading.Lock() if engine.dialect.name == "sqlite" else None
        # So one connection does for all of them, and is kept: to find one in the pool takes as long as a send's SQL.
        self._writer: Connection | None = None
        self._commits = 0  # since the last checkpoint
        self.has_many_commits: Callable[[], None] = lambda: None  # called where it is time for the next

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot. Raises ChatError(UNAVAILABLE) where the database cannot be read now."""
        with _unavailable(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """One transaction, committed where the block ends without an exception; then its events are published.

        Raises ChatError(UNAVAILABLE) where the database is locked, full or away: nothing is stored then.
        """
        with _unavailable(), self._take_turn():
            with self._immediate() as connection:
                transaction = WriteTransaction(connection)
                yield transaction
                if transaction.events:
                    for row in self._rows(transaction.events):
                        transaction.run(_insert_event, row)
            # Still in turn: this process hears of its commits in their order, so that nobody who was
            # put out of a room is handed a message that came later.
            if transaction.events:
                self._publish(transaction.events)

    @contextmanager
    def _take_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=self._busy_seconds):
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=RETRY_AFTER)
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _immediate(self) -> Iterator[Connection]:
        connection = self._writer or self.engine.connect().execution_options(**{BEGIN_OPTION: "BEGIN IMMEDIATE"})
        self._writer = None
        try:
            with connection.begin():
                yield connection
        except BaseException:
            connection.close()
            raise
        if self._turn is None:
            connection.close()
        else:
            self._writer = connection
            self._commits += 1
            if self._commits == MANY_COMMITS:
                self.has_many_commits()

    def checkpoint(self) -> None:
        """Have SQLite move commits out of its log, beside the writers: else one of them does it, and waits."""
        if self._commits < CHECKPOINT_COMMITS or self._turn is None:
            return
        self._commits = 0
        with _unavailable(), self.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def bytes_used(self, connection: Connection | WriteTransaction) -> int:
        """Of the database's file, without its free pages, as the transaction sees it."""
        return int(connection.execute(_bytes_used).scalar_one())

    def disk_free(self) -> int:
        """Bytes that are free where the database is."""
        found = os.statvfs(os.path.dirname(self.engine.url.database or "") or ".")
        return found.f_bavail * found.f_frsize

    def shrink(self, pages: int, spare: int) -> bool:
        """Give up to so many free pages back to the file system, but for some to spare: whether there are more.

        Only a database that was made with auto_vacuum can (storage.engine); others use their free pages again.
        """
        with self.read() as connection:
            free, mode = connection.execute(_free_pages).one()
        if mode != INCREMENTAL or free <= spare:
            return False
        with _unavailable(), self._take_turn(), self.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            # Python's execute takes one step of it, which is one page. A transaction of its own.
            raw.executescript(f"PRAGMA incremental_vacuum({min(pages, free - spare)})")
        return bool(free - spare > pages)

    def dispose(self) -> None:
        """Close all connections that are not in use; what comes after opens new ones."""
        with self._take_turn():
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self.engine.dispose()

    def _rows(self, events: Sequence[Event]) -> list[dict[str, Any]]:
        now = self._clock()
        return [
            {"kind": e.kind.value, "subject_id": e.subject_id, "time": e.time, "data": e.data, "written_at": now}
            for e in events
        ]

    def _publish(self, events: Sequence[Event]) -> None:
        metrics.count(metrics.MESSAGES_STORED, sum(event.kind is EventKind.MESSAGE for event in events))
        if self.published is None:
            return
        try:
            self.published(events)
        except Exception:
            # It is committed, so it must be answered as such; waiting clients learn it from the events table.
            log.exception("publishing to waiting clients failed")


@contextmanager
def _unavailable() -> Iterator[None]:
    """Locked, full or unreachable database: one clear error."""
    try:
        yield
    except IntegrityError:
        raise
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        log.warning("database unavailable: %s", error)
        raise ChatError(ErrorCode.UNAVAILABLE, retry_after=RETRY_AFTER) from error
