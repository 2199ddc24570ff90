"""Readers: clients that wait for news of their rooms, on a held pull, in a blocked thread, or on a socket.

All of them follow one order, so that nobody gets a message that they may not read, and none is lost:

1. Rights are read first: the session, and the memberships with each room's clock.
2. The reader is registered (Reader.start). Commits in between have woken nobody, so rights are read again
   and the database is looked at once more.
3. No look in the database takes anything newer than the clocks that were read with the rights: the reader may have been
   removed since.
4. A reader that is woken looks in memory, unless its rights may have changed: then 3 again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from chat.delivery import Hub, Key, Waiter
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Entry
from chat.ports import Store
from chat.services.presence import Presence
from chat.services.sessions import Sessions

Found = TypeVar("Found")
E = TypeVar("E", bound=Entry)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where readers find their rights and news."""

    store: Store
    hub: Hub
    sessions: Sessions
    presence: Presence


def not_woken() -> None:
    """Wake nobody: the reader has not started."""


class Reader(Waiter, Generic[Found]):
    """One reader. Not locked: the owner makes one call at a time.

    Wake-ups are only hints; the reader's positions decide which messages are new.
    """

    __slots__ = ("_sources", "actor")

    def __init__(self, sources: Sources, actor: Actor, keys: Iterable[Key], wake: Callable[[], None]) -> None:
        super().__init__(keys, wake)
        self._sources = sources
        self.actor = actor

    def start(self, most: int) -> Found:
        """Wait from now on, with at most this many others, until `close`; and look. Raises what find_again raises."""
        self._sources.hub.notifier.register(self, most=most)
        try:
            return self.find_again()
        except BaseException:
            self._sources.hub.notifier.unregister(self)
            raise

    def find(self) -> Found | None:
        """Look in memory, without blocking; None: find_again must look."""
        found = self._in_memory()
        # Rights are published before later messages: if the reader had been removed before one of the messages found
        # was sent, `recheck` would be set by now.
        return None if self.recheck else found

    def find_again(self) -> Found:
        """Look in a thread, rights first. Raises NOT_SIGNED_IN if the session has ended, and UNAVAILABLE."""
        self.recheck = False  # cleared first, so that a change during the look causes another look
        try:
            self.require_session()
            return self._in_database()
        except BaseException:
            self.recheck = True  # its rights are not known
            raise

    def require_session(self) -> Actor:
        """Return the actor's current data. Raises NOT_SIGNED_IN if the session has ended."""
        actor = self._sources.sessions.resolve(self.actor.session_id, self.actor.user_id)
        if actor is None:
            raise ChatError(ErrorCode.NOT_SIGNED_IN)
        self.actor = actor
        return actor

    def close(self) -> None:
        """Stop waiting. A look in progress is safe."""
        self._sources.hub.notifier.unregister(self)

    def _in_memory(self) -> Found | None:
        """Return the news at the reader's positions; None if memory does not reach back far enough."""
        raise NotImplementedError

    def _in_database(self) -> Found:
        """Read the memberships, then the news of these rooms, by `stored_by`."""
        raise NotImplementedError


def stored_by(end: int, entries: Iterable[E]) -> list[E]:
    """Return those up to a room's clock (µs) as read with the membership."""
    return [entry for entry in entries if entry.time <= end]
