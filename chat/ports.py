"""Interfaces of a database and an event bus, implemented by each of chat.backends."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, Executable

from chat.models import Event
from chat.storage.prepared import Prepared


class WriteTransaction(Protocol):
    """The write transaction as services see it."""

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run one statement. Raises IntegrityError where a unique name is taken."""
        ...

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run a prepared statement, for what every send runs."""
        ...

    def run_many(self, statement: Prepared, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run a prepared statement once for each of the rows."""
        ...

    def emit(self, event: Event) -> None:
        """Tell the waiting clients of all processes, once this is committed."""
        ...


class Store(Protocol):
    """One database."""

    has_many_commits: Callable[[], None]  # called where checkpoint is due before its next round

    def read(self) -> AbstractContextManager[Connection]:
        """Begin a read-only transaction that sees one snapshot. Raises ChatError(UNAVAILABLE)."""
        ...

    def write(self) -> AbstractContextManager[WriteTransaction]:
        """Begin a transaction, committed where the block ends without an exception; then its events are published.

        Raises ChatError(UNAVAILABLE) where the database is locked, full or away: nothing is stored then.
        """
        ...

    def checkpoint(self) -> None:
        """Do maintenance in the background that writers would otherwise have to do."""
        ...

    def bytes_used(self, connection: Connection | WriteTransaction) -> int:
        """Of the database, as the transaction sees it."""
        ...

    def disk_free(self) -> int | None:
        """Bytes that are free where the database is; None: it is on another machine."""
        ...

    def shrink(self, pages: int, spare: int) -> bool:
        """Give up to so many free pages back to the file system, but for some to spare: whether there are more."""
        ...

    def moment(self) -> "Moment":
        """Return the current position in the order of commits."""
        ...

    def dispose(self) -> None:
        """Close all idle connections; later calls open new ones."""
        ...


class Moment(Protocol):
    """A point in the order of commits."""

    def shows(self, event: Event) -> bool:
        """Whether an event that the bus has read was committed by then."""
        ...


class Listener(Protocol):
    """The process's own end of delivery, which a bus brings events to (chat.delivery.Hub)."""

    heard_at: float  # time.monotonic() s: when the bus last knew all that other processes had done

    def publish(self, events: Sequence[Event]) -> None:
        """Take in events that are committed, from this process or another; any order, as often as they come."""
        ...

    def signal(self, events: Sequence[Event]) -> None:
        """Hand on the signals among events that the bus has read: once each."""
        ...

    def resync(self) -> None:
        """Let everybody look again, as news was missed."""
        ...


class Bus(Protocol):
    """Brings the events that other processes commit to this process."""

    def start(self) -> None:
        """Start from the events there are now."""
        ...

    def stop(self) -> None:
        """End the thread and wait for it."""
        ...

    def committed(self, events: Sequence[Event]) -> None:
        """Publish events that this process has just committed; also used by commands that write without
        running a bus.
        """
        ...

    def read_events(self) -> None:
        """Publish events committed since the last call, without waiting for the thread."""
        ...


class BackupError(Exception):
    """A backup or restore was not done, and nothing was changed; the message says why."""


class Backend(Protocol):
    """A database, and the bus over it."""

    @property
    def name(self) -> str:
        """Where it is, for people; no password."""
        ...

    @property
    def store(self) -> Store: ...

    def backup(self, target: Path) -> None:
        """Copy the database into a file while it is in use. Raises BackupError."""
        ...

    def restore(self, source: Path, check: Callable[[Path], None]) -> str:
        """Replace the database with a backup; return the path of the old one.

        `check` raises for a copy that this version cannot use. Raises BackupError, also while the database is in use.
        """
        ...

    def bus(self, listener: Listener) -> Bus:
        """Make the bus that commits of this process go through from here on."""
        ...
