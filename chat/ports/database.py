"""Interfaces of a database: transactions, the store, the index of texts, and the back end that provides them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, Executable

from chat.models import Event
from chat.ports.bus import Bus, Listener
from chat.storage.prepared import Batch, Prepared


class WriteTransaction(Protocol):
    """The write transaction as services see it."""

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Execute one statement. Raises IntegrityError for a duplicate unique value."""
        ...

    def run(self, statement: Prepared, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Execute a prepared statement of the send path."""
        ...

    def run_many(self, batch: Batch, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute an update for each of these rows of values."""
        ...

    def lock_rooms(self, room_ids: Iterable[int]) -> bool:
        """Lock the rows of rooms until the commit, in ascending order.

        Code that writes into a room or changes rights there does this first, then reads its conditions (decision
        0101). Returns whether others may have written meanwhile; False on SQLite, where writers take turns.
        """
        ...

    def lock_users(self, user_ids: Iterable[int]) -> bool:
        """Lock the rows of users likewise: for what concerns two people, before any room."""
        ...

    def lock_names(self, names: Iterable[str]) -> None:
        """Let nobody else decide about these names (say "user alice") until the commit."""
        ...

    def share_names(self, names: Iterable[str]) -> None:
        """Let nobody else lock these names until the commit; others may share them."""
        ...

    def revoke_rights(self, room_ids: Iterable[int]) -> None:
        """Somebody may not read these locked rooms any more: their next message must not overtake that (Event)."""
        ...

    chains_inserts: bool  # whether one statement can insert into two tables

    def emit(self, event: Event, *, is_stored: bool = False) -> None:
        """Notify waiting clients in all processes after the commit. is_stored: a statement has written its row."""
        ...


@dataclass(frozen=True, slots=True)
class Candidates:
    """Messages that may contain some terms."""

    ids: Sequence[int]  # newest first
    end: int  # all candidates with a higher id are among them, below the id asked for; 0: all of them


class TextIndex(Protocol):
    """Finds messages by parts of their text."""

    def answers(self, terms: Sequence[str]) -> bool:
        """Whether the index narrows these folded terms down; if not, messages must be scanned."""
        ...

    def candidates(self, connection: Connection, terms: Sequence[str], before: int, most: int) -> Candidates:
        """Return messages with an id below `before` that may contain all the terms, about `most` of them.

        Every message that contains them (chat.folding) is a candidate; others may be too.
        """
        ...

    def catch_up(self) -> None:
        """Index recent messages, if they are many, in small transactions."""
        ...


class Store(Protocol):
    """One database."""

    def on_commit(self, call: Callable[[Sequence[Event]], None]) -> None:
        """Call this with a transaction's events after its commit, after earlier listeners."""
        ...

    def on_many_commits(self, call: Callable[[], None]) -> None:
        """Call this when a checkpoint is due early."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """Open a read transaction (one snapshot). Raises ChatError(UNAVAILABLE)."""
        ...

    def read_each(self) -> AbstractContextManager[Connection]:
        """Open a connection on which each statement sees a snapshot of its own: cheaper, where there is only one.

        Raises ChatError(UNAVAILABLE).
        """
        ...

    def write(self) -> AbstractContextManager[WriteTransaction]:
        """Open a write transaction, committed unless the block raises; its events are published after the commit.

        Raises ChatError(UNAVAILABLE) if the database is locked, full or unreachable; nothing is stored then.
        """
        ...

    @property
    def texts(self) -> TextIndex:
        """The index of the messages' texts."""
        ...

    def checkpoint(self) -> None:
        """Do maintenance in the background that writers would otherwise have to do."""
        ...

    def bytes_used(self, connection: Connection | WriteTransaction) -> int:
        """The database's size in bytes, as seen by the transaction."""
        ...

    def disk_free(self) -> int | None:
        """Free bytes on the database's disk; None: it is on another machine."""
        ...

    def shrink(self, pages: int, spare: int) -> bool:
        """Return up to this many free pages to the file system, keeping some spare. Returns whether there are more."""
        ...

    def scrub(self) -> None:
        """Remove what deleted data has left in indexes, logs and pages, as far as it can be done beside writers."""
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
        """Whether an event read by the bus had been committed at this point."""
        ...


class BackupError(Exception):
    """Nothing was changed; the message gives the reason."""


class Backend(Protocol):
    """A database and its event bus."""

    @property
    def name(self) -> str:
        """The database's location for messages, without a password."""
        ...

    @property
    def store(self) -> Store: ...

    @property
    def for_hosts(self) -> bool:
        """Whether processes on other hosts can use this database, too."""
        ...

    def backup(self, target: Path, opened: "Opened") -> None:
        """Copy the database into an SQLite file while it is in use. Raises BackupError."""
        ...

    def restore(self, source: Path, check: Callable[[Path], None], opened: "Opened") -> str:
        """Replace the database with a backup; return the path of the old one.

        `check` raises for a copy that this version cannot use. Raises BackupError, also while the database is in use.
        """
        ...

    def compact(self) -> None:
        """Rewrite the database without free space. Raises BackupError, also while the database is in use."""
        ...

    def move_to(self, target: "Backend", told: Callable[[int, int], None]) -> int:
        """Copy everything into another database that is empty, and return the number of rows.

        `told` is called with the rows done and the rows in all. Raises BackupError, also while the database is in use:
        the target is as it was then.
        """
        ...

    def bus(self, listener: Listener) -> Bus:
        """Create the bus, which tells other processes of commits from now on."""
        ...


# Opens the database in an SQLite file, brought up to this version's schema.
Opened = Callable[[Path], AbstractContextManager[Backend]]
