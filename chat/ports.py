"""Interfaces of a database, an event bus, and of what processes share besides; implemented by chat.backends."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypedDict

from sqlalchemy import Connection, CursorResult, Executable

from chat.models import Event
from chat.security.limits import Limit
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


class Listener(Protocol):
    """The local end of delivery, to which a bus brings events (chat.delivery.Hub)."""

    def heard(self, at: float) -> None:
        """The bus knew all commits of other processes at this time (time.monotonic() s)."""
        ...

    def lost(self) -> None:
        """The bus has lost the database, and calls resync when it is back."""
        ...

    def publish(self, events: Sequence[Event]) -> None:
        """Process committed events, from this process or another, in any order and possibly repeatedly."""
        ...

    def signal(self, events: Sequence[Event]) -> None:
        """Deliver signals among the events that the bus has read, once each."""
        ...

    def resync(self) -> None:
        """Have every waiter look again after missed events."""
        ...

    def cut_off(self) -> None:
        """Send waiting clients elsewhere: this host alone has lost the database, for some time now."""
        ...


class Bus(Protocol):
    """Brings the events that other processes commit to this process."""

    def start(self) -> None:
        """Start from the newest event at this time."""
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


class SharedAwayError(Exception):
    """The state that processes share besides the database cannot be reached."""


Take = tuple[Limit, object, int]  # of a rate limiter's bucket, named by its limit and key: how many


class Buckets(Protocol):
    """Rate limiter buckets that all processes share. Raises SharedAwayError, or UNAVAILABLE."""

    def take(self, takes: Sequence[Take]) -> tuple[Take, float] | None:
        """Take from all buckets or from none. Returns the one that has too few, and the seconds to wait for it."""
        ...

    def look(self, takes: Sequence[Take]) -> tuple[Take, float] | None:
        """Return what `take` would return, and take nothing."""
        ...

    def give_back(self, takes: Sequence[Take]) -> None:
        """Undo `take`."""
        ...

    def is_full(self, limit: Limit, key: object) -> bool:
        """Whether nothing was taken recently."""
        ...


class OnlineChange(TypedDict):
    """A session that is online until another time (µs) than this process last wrote."""

    session: str
    user: int
    until: int
    written: int


class Online(Protocol):
    """Which sessions are online, of all processes. Raises SharedAwayError, or UNAVAILABLE."""

    @property
    def losses(self) -> int:
        """Grows when written data may be lost."""
        ...

    def write(self, changes: Sequence[OnlineChange], now: int) -> None:
        """Store changes. A time only grows, unless this process wrote the stored one. `now` in µs."""
        ...

    def forget(self, sessions: Iterable[tuple[str, int]]) -> None:
        """Remove ended sessions (id, user's id)."""
        ...

    def everybody(self, now: int) -> frozenset[int]:
        """Return the ids of all users with a session that is online."""
        ...


class Hints(Protocol):
    """Tells other processes of events, faster than they would look. Hints may be lost, doubled or late."""

    is_live: bool  # this process hears hints

    def listen(self, heard: Callable[[Sequence[Event]], None], failed: Callable[[], None]) -> None:
        """Set the callbacks: `heard` with messages that another process has committed, or with none, when there may be
        events; `failed` when a hint could not be sent or none can be heard any more.
        """
        ...

    def send(self, events: Sequence[Event]) -> bool:
        """Tell of a commit's events. Never blocks; False: take another way."""
        ...


class Shared(Protocol):
    """State and hints that processes share besides the database."""

    @property
    def buckets(self) -> Buckets: ...

    @property
    def online(self) -> Online: ...

    @property
    def hints(self) -> Hints: ...

    def start(self) -> None:
        """Start the threads. Call it after the fork."""
        ...

    def stop(self) -> None:
        """End the threads and wait for them."""
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


# Opens the database of a URL, brought up to this version's schema.
Opened = Callable[[str], AbstractContextManager[Backend]]
