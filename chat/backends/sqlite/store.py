"""Transactions on SQLite. All access to the database goes through Store.read or Store.write."""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event, func, select, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chat.backends.sqlite.engine import INCREMENTAL
from chat.backends.sqlite.text_index import SqliteTextIndex
from chat.backends.transactions import RETRY_AFTER, SqlStore, WriteTransaction
from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Event, EventKind, EventRow
from chat.ports import WriteTransaction as AnyTransaction

log = logging.getLogger(__name__)
_bytes_used = text(
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_free_pages = text("SELECT freelist_count, auto_vacuum FROM pragma_freelist_count, pragma_auto_vacuum")
CHECKPOINT_COMMITS = 20
SCRUB_SECONDS = 3600.0
MANY_COMMITS = 300  # about 1,800 pages of the WAL: well below engine.LOG_MAX_PAGES
_last_event = select(func.max(EventRow.id))


class UpTo(int):
    """The id of the last committed event: ids have no gaps, and their order is the commit order."""

    __slots__ = ()

    def shows(self, event: Event) -> bool:
        return event.id <= self


class Store(SqlStore):
    """One SQLite file."""

    logged = frozenset({EventKind.MESSAGE})  # ids of messages follow their commits (decision 0186)

    def __init__(self, engine: Engine, clock: Clock, busy_seconds: float) -> None:
        super().__init__(engine, clock)
        event.listen(engine, "begin", _begin)
        self._turn = _Turn(busy_seconds)
        # One connection therefore serves all writers and is kept: the pool's checkout takes as long as a send's SQL.
        self._writer: Connection | None = None
        self._commits = 0  # since the last checkpoint
        self._scrub_due = 0.0  # time.monotonic() s
        self.texts = SqliteTextIndex(self.read, self.write)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read transaction (one snapshot). Raises ChatError(UNAVAILABLE) if the database cannot be read."""
        with _unavailable, self.engine.connect() as connection, connection.begin():
            yield connection

    read_each = read  # a transaction costs nothing here

    def _writing(self) -> "_Turn":
        """Commits of this process are published in order, so that a removed member never receives a later message."""
        return self._turn

    @contextmanager
    def _begun(self) -> Iterator[WriteTransaction]:
        connection = self._writer or self.engine.connect()
        self._writer = None
        try:
            _execute(connection, "BEGIN IMMEDIATE")
            yield WriteTransaction(connection)
            if connection.in_transaction():  # SQLAlchemy's, which its first statement begins
                connection.commit()
            else:
                _execute(connection, "COMMIT")
        except BaseException:
            connection.close()
            raise
        self._writer = connection
        self._commits += 1
        if self._commits == MANY_COMMITS:
            self.many_commits()

    def checkpoint(self) -> None:
        """Checkpoint the WAL in the background so that no writer has to."""
        if self._commits < CHECKPOINT_COMMITS:
            return
        self._commits = 0
        with _unavailable, self.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def bytes_used(self, connection: Connection | AnyTransaction) -> int:
        """The database's size in bytes without free pages, as seen by the transaction."""
        return int(connection.execute(_bytes_used).scalar_one())

    def disk_free(self) -> int:
        """Free bytes on the database's disk."""
        found = os.statvfs(os.path.dirname(self.engine.url.database or "") or ".")
        return found.f_bavail * found.f_frsize

    def shrink(self, pages: int, spare: int) -> bool:
        """Return up to this many free pages to the file system, keeping some spare. Returns whether there are more.

        Only works for databases created with auto_vacuum (chat.backends.sqlite.engine); others reuse their free pages.
        """
        with self.read() as connection:
            free, mode = connection.execute(_free_pages).one()
        if mode != INCREMENTAL or free <= spare:
            return False
        with self._turn, self.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            # Python's execute makes one step of it, which is one page. Runs in its own transaction.
            raw.executescript(f"PRAGMA incremental_vacuum({min(pages, free - spare)})")
        return bool(free - spare > pages)

    def scrub(self) -> None:
        """Remove deleted texts from the search index, and empty the WAL, which keeps pages as they were before.

        The latter at most every SCRUB_SECONDS, and without waiting for readers: while one is at work, the next round
        tries again.
        """
        self.texts.scrub()
        if time.monotonic() < self._scrub_due:
            return
        with self._turn, self.engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            (before,) = raw.execute("PRAGMA busy_timeout").fetchone()
            raw.execute("PRAGMA busy_timeout=0")
            try:
                is_busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                raw.execute(f"PRAGMA busy_timeout={before}")
        if not is_busy:
            self._scrub_due = time.monotonic() + SCRUB_SECONDS

    def moment(self) -> UpTo:
        with self.read() as connection:
            return UpTo(connection.execute(_last_event).scalar() or 0)

    def dispose(self) -> None:
        """Close all idle connections; later calls open new ones."""
        with self._turn:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self.engine.dispose()


def _begin(connection: Connection) -> None:
    raw: Any = connection.connection.dbapi_connection  # also of a detached one
    if not raw.in_transaction:
        _execute(connection, "BEGIN")


def _execute(connection: Connection, statement: str) -> None:
    raw: Any = connection.connection.dbapi_connection
    try:
        raw.execute(statement)  # a tenth of the time that SQLAlchemy takes
    except sqlite3.OperationalError as error:
        raise OperationalError(statement, None, error) from error


class _Unavailable:
    """Translates errors of a locked, full or unreachable database to UNAVAILABLE."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: Any, error: BaseException | None, _traceback: Any) -> None:
        if isinstance(error, OperationalError | InterfaceError | PoolTimeout | sqlite3.OperationalError):
            log.warning("database unavailable: %s", error)
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=RETRY_AFTER) from error


class _Turn(_Unavailable):
    """The turn of the process to write, after at most `busy_seconds` of waiting. Translates errors, too.

    SQLite has one writer at a time. Threads queue here instead of competing for the file lock, which sleeps between
    attempts.
    """

    def __init__(self, busy_seconds: float) -> None:
        self._busy_seconds = busy_seconds
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=self._busy_seconds):
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=RETRY_AFTER)

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        self._lock.release()
        super().__exit__(kind, error, traceback)


_unavailable = _Unavailable()
