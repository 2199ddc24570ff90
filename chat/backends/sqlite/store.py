"""Transactions on SQLite. Everything that reads or writes the database goes through Store.read or Store.write."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chat.backends.sqlite.engine import BEGIN_OPTION, INCREMENTAL
from chat.backends.transactions import RETRY_AFTER, SqlStore, WriteTransaction
from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Event, EventRow
from chat.ports import WriteTransaction as AnyTransaction

log = logging.getLogger(__name__)
_bytes_used = text(
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_free_pages = text("SELECT freelist_count, auto_vacuum FROM pragma_freelist_count, pragma_auto_vacuum")
CHECKPOINT_COMMITS = 20
MANY_COMMITS = 300  # about 1,800 pages of the log: well before SQLite has a writer move them (engine.LOG_MAX_PAGES)
_last_event = select(func.max(EventRow.id))


class UpTo(int):
    """The id of the last event that is committed: ids have no gaps, and their order is the order of the commits."""

    __slots__ = ()

    def shows(self, event: Event) -> bool:
        return event.id <= self


class Store(SqlStore):
    """One SQLite file."""

    def __init__(self, engine: Engine, clock: Clock, busy_seconds: float) -> None:
        super().__init__(engine, clock)
        self._busy_seconds = busy_seconds
        # SQLite has one writer at a time. Threads of this process take turns here instead of
        # racing for the file's lock with sleeps in between.
        self._turn = threading.Lock()
        # So one connection does for all of them, and is kept: to find one in the pool takes as long as a send's SQL.
        self._writer: Connection | None = None
        self._commits = 0  # since the last checkpoint

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
                    self._write_events(transaction)
            # Still in turn: this process hears of its commits in their order, so that nobody who was
            # put out of a room is handed a message that came later.
            if transaction.events:
                self._publish(transaction.events)

    @contextmanager
    def _take_turn(self) -> Iterator[None]:
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
        self._writer = connection
        self._commits += 1
        if self._commits == MANY_COMMITS:
            self.has_many_commits()

    def checkpoint(self) -> None:
        """Have SQLite move commits out of its log, beside the writers: else one of them does it, and waits."""
        if self._commits < CHECKPOINT_COMMITS:
            return
        self._commits = 0
        with _unavailable(), self.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def bytes_used(self, connection: Connection | AnyTransaction) -> int:
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

    def moment(self) -> UpTo:
        with self.read() as connection:
            return UpTo(connection.execute(_last_event).scalar() or 0)

    def dispose(self) -> None:
        """Close all connections that are not in use; what comes after opens new ones."""
        with self._take_turn():
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self.engine.dispose()


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
