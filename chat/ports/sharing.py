"""Interfaces of the state and hints that processes share besides the database."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypedDict

from chat.models import Event
from chat.security.limits import Limit


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
