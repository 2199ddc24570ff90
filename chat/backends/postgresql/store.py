"""Transactions on PostgreSQL. Writers run beside each other, so they lock what they decide by."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, TextClause, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chat.backends.postgresql.breaker import Breaker
from chat.backends.postgresql.snapshot import Snapshot
from chat.backends.postgresql.text_index import PostgresTextIndex
from chat.backends.transactions import RETRY_AFTER, SqlStore, WriteTransaction
from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.models import Room, User
from chat.ports import WriteTransaction as AnyTransaction
from chat.storage.prepared import Batch

log = logging.getLogger(__name__)
# Classes of SQLSTATE that pass by themselves: connections (08), resources (53), the operator (57), rollbacks such as
# deadlocks (40). Besides: lock_timeout, read-only after a fail-over, idle in transaction, no tables yet, prepared
# statements forgotten (psycopg has the server do so after ALTER and DROP), or of columns with other types now.
_PASSING = ("08", "53", "57", "40")
_STALE = ("26000", "0A000")  # these two
_PASSING_STATES = {"55P03", "25006", "25P03", "25P04", "42P01", "42703", *_STALE}
_READ_ONLY = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_NAME_LOCK = 0x436F6D  # first key of advisory locks: no other program's, we hope
_bytes_used = text("SELECT pg_database_size(current_database())")
_snapshot = text("SELECT pg_current_snapshot()::text")
# In the order of the array, as its elements are rows in that order.
_of_names = "(:space, hashtext(name)) FROM unnest(CAST(:names AS text[])) AS name"
_lock_names = text(f"SELECT pg_advisory_xact_lock{_of_names}")
_share_names = text(f"SELECT pg_advisory_xact_lock_shared{_of_names}")
_RENEW_SECONDS = 1.0
SCRUB_SECONDS = 12 * 3600.0
SCRUB_FIRST_SECONDS = 3600.0  # after the start
_vacuum = text(
    "VACUUM (SKIP_LOCKED) messages, changes, attachments, attachment_chunks, avatars, audit, users, rooms, sessions, "
    "announcements, friend_groups, friend_requests, known_addresses"
)


class Transaction(WriteTransaction):
    """Takes real locks: other transactions write at the same time."""

    chains_inserts = True

    def lock_rooms(self, room_ids: Iterable[int]) -> bool:
        """Lock the rows of rooms until the commit, in ascending order."""
        return self._lock(Room, room_ids)

    def lock_users(self, user_ids: Iterable[int]) -> bool:
        """Lock the rows of users until the commit, in ascending order; before any room."""
        return self._lock(User, user_ids)

    def lock_names(self, names: Iterable[str]) -> None:
        """Let nobody else decide about these names until the commit."""
        self._take_names(_lock_names, names)

    def share_names(self, names: Iterable[str]) -> None:
        """Let nobody else lock these names until the commit."""
        self._take_names(_share_names, names)

    def run_many(self, batch: Batch, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute an update for all of these rows of values at once. They are locked in their order, if by an index."""
        batch.run_at_once(self._connection, rows)

    def _take_names(self, statement: TextClause, names: Iterable[str]) -> None:
        wanted = sorted(set(names))
        if wanted:
            self.execute(statement, {"space": _NAME_LOCK, "names": wanted})

    def _lock(self, table: Any, ids: Iterable[int]) -> bool:
        wanted = set(ids)
        if wanted:
            rows = select(table.id).where(table.id.in_(wanted)).order_by(table.id)
            self.execute(rows.with_for_update(key_share=True)).all()  # FOR NO KEY UPDATE: foreign keys do not wait
        return True


class Store(SqlStore):
    """One PostgreSQL database."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        super().__init__(engine, clock)
        self._reading = engine.execution_options(**_READ_ONLY)
        self._reading_each = engine.execution_options(isolation_level="AUTOCOMMIT", postgresql_readonly=True)
        self._renewed_at = 0.0
        self.breaker = Breaker(engine)
        self._scrub_due = time.monotonic() + SCRUB_FIRST_SECONDS
        self.texts = PostgresTextIndex(self.read)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Begin a read-only transaction that sees one snapshot. Raises ChatError(UNAVAILABLE)."""
        with self._unavailable(), self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def read_each(self) -> Iterator[Connection]:
        """Open a connection without a transaction, which spares BEGIN and COMMIT. Raises ChatError(UNAVAILABLE)."""
        with self._unavailable(), self._reading_each.connect() as connection:
            yield connection

    @contextmanager
    def _begun(self) -> Iterator[WriteTransaction]:
        """Begin a transaction (READ COMMITTED)."""
        with self.engine.connect() as connection, connection.begin():
            yield Transaction(connection)

    def checkpoint(self) -> None:
        """Nothing: the server does it."""

    def bytes_used(self, connection: Connection | AnyTransaction) -> int:
        return int(connection.execute(_bytes_used).scalar_one())

    def disk_free(self) -> None:
        """Nobody here knows: it may be another machine's disk."""

    def shrink(self, pages: int, spare: int) -> bool:  # noqa: ARG002
        """Nothing: the server vacuums."""
        return False

    def scrub(self) -> None:
        """Vacuum the tables with people's data once a day: their dead rows go from the pages. Locks out nobody."""
        if time.monotonic() < self._scrub_due:
            return
        self._scrub_due = time.monotonic() + SCRUB_SECONDS
        with self._unavailable(), self.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(_vacuum)

    def moment(self) -> Snapshot:
        with self.read() as connection:
            return Snapshot.parse(connection.execute(_snapshot).scalar_one())

    def dispose(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Commits are published in any order."""
        with self._unavailable():
            yield

    @contextmanager
    def _unavailable(self) -> Iterator[None]:
        """Turn a database that is away, busy or full into one clear error."""
        self.breaker.check()
        try:
            yield
        except IntegrityError:
            raise
        except (DBAPIError, PoolTimeout) as error:
            if not is_passing(error):
                raise
            if not self.breaker.is_open:
                log.warning("database unavailable: %s", " ".join(str(getattr(error, "orig", error)).split()))
            self._forget_connections(error)
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=RETRY_AFTER) from error

    def _forget_connections(self, error: Exception) -> None:
        """If one connection was lost, or its prepared statements are stale, do not fail once with each in the pool."""
        orig = getattr(error, "orig", None)
        state = getattr(orig, "sqlstate", None) or "08000"
        if not isinstance(orig, psycopg.Error) or not state.startswith(("57P", "08", "25006", *_STALE)):
            return
        self.breaker.suspected.set()
        if state.startswith("25"):  # read-only: the prober looks for another server
            return
        if time.monotonic() - self._renewed_at > _RENEW_SECONDS:
            self._renewed_at = time.monotonic()
            self.breaker.renew()


def is_passing(error: Exception) -> bool:
    """Whether the same statement may succeed later."""
    orig = getattr(error, "orig", None)
    if not isinstance(orig, psycopg.Error):
        return isinstance(error, PoolTimeout)
    if orig.sqlstate is None:  # never reached the server
        return isinstance(orig, psycopg.OperationalError | psycopg.InterfaceError)
    return orig.sqlstate.startswith(_PASSING) or orig.sqlstate in _PASSING_STATES
