"""Held requests: not answered yet, and without a thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:  # gunicorn's master imports this module, which must not load the rest
    from chat.server.ports import Open

ENVIRON_KEY = "commonroom.live"  # environ key of the Hold in requests that came through LiveWorker


class Look(Enum):
    """The result of a look at a held request, other than an answer."""

    NOTHING_YET = auto()
    NEEDS_THREAD = auto()  # needs the database, or too much work for the loop


# Accessing an enum member takes ten times as long (Python 3.11), and each delivery does so several times.
NOTHING_YET: Final = Look.NOTHING_YET
NEEDS_THREAD: Final = Look.NEEDS_THREAD


class Parked(Protocol):
    """Answers a held request, and later ones on the connection with, byte for byte, the same head.

    Called on the loop: no I/O, no blocking. Answers are bodies. Requests that need a thread go through the whole stack.
    """

    deadline: float  # time.monotonic() s
    expired: bool  # must answer now, with or without news
    recheck: bool  # rights may have changed: look in a thread
    is_held: bool  # maintained by the connection

    def look(self) -> bytes | Look:
        """Look for news."""

    def again(self, body: bytes) -> bytes | Look:
        """Handle the next request with the same head; on NOTHING_YET it is held."""

    def late(self) -> bytes:
        """Return the answer at the deadline, or when the server stops."""

    def forget(self) -> None:
        """The head is no longer known. Called once, after all other calls."""


@dataclass(slots=True)
class Upgrade:
    """The result of a WebSocket handshake: the connection continues as a socket."""

    accept: str  # Sec-WebSocket-Accept
    open: Open


@dataclass(slots=True)
class Hold:
    """Connects a request with its connection."""

    wake: Callable[[], None]  # called from any thread when a look may find news
    received_at: float  # time.monotonic() s when the request was complete and began to wait for a thread
    body: bytes | None = None  # of the request, without gunicorn's and werkzeug's wrappers; None: too large
    parked: Parked | None = None  # set by the view
    answered: Callable[[], None] | None = None  # set with it: called for each answer by the loop
    upgrade: Upgrade | None = None  # set by the view that answers 101
    streams: bool = False  # set by the view: a body of known length is sent in chunks as the client reads
    resumed: Parked | None = None  # the object parked earlier by this request, when it runs again
