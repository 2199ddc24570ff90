"""A held request: one that has not been answered yet. It keeps no thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:  # gunicorn's master reads this module; it must not pull in the rest
    from chat.live.peer import Open

ENVIRON_KEY = "commonroom.live"  # where a request that came through LiveWorker finds its Hold


class Look(Enum):
    """What a look at a held request may say beside an answer."""

    NOTHING_YET = auto()
    NEEDS_THREAD = auto()  # it takes the database, or too much work for the loop


# To get a member from its enum takes ten times as long (Python 3.11), and each delivery asks for several.
NOTHING_YET: Final = Look.NOTHING_YET
NEEDS_THREAD: Final = Look.NEEDS_THREAD


class Parked(Protocol):
    """What answers a held request, and those after it on the connection that have, byte for byte, the same head.

    Called on the loop: no I/O, no waiting. Answers are bodies. What needs a thread goes through the whole stack.
    """

    deadline: float  # time.monotonic() s
    expired: bool  # answer now, whatever there is
    recheck: bool  # rights may have changed: look in a thread
    is_held: bool  # kept by the connection

    def look(self) -> bytes | Look:
        """What there is now."""

    def again(self, body: bytes) -> bytes | Look:
        """The next request with the same head; where that finds NOTHING_YET, it is held."""

    def late(self) -> bytes:
        """The answer when time is up, or the server stops."""

    def forget(self) -> None:
        """Its head is not known any more. Called once, after the last of all."""


@dataclass(slots=True)
class Upgrade:
    """What a WebSocket handshake leaves behind: the connection goes on as a socket."""

    accept: str  # Sec-WebSocket-Accept
    open: Open


@dataclass(slots=True)
class Hold:
    """Between a request and the connection it came by."""

    wake: Callable[[], None]  # to be called, from any thread, when a look may be worth it
    received_at: float  # time.monotonic() s: when the request was whole, and began to wait for a thread
    body: bytes | None = None  # of the request, without what gunicorn and werkzeug put around it; None: too large
    parked: Parked | None = None  # set by the view
    answered: Callable[[], None] | None = None  # set with it: called for each answer that the loop gives
    upgrade: Upgrade | None = None  # set by the view, which answers 101
    streams: bool = False  # set by the view: its body, of a known length, is sent piece by piece as the client reads
    resumed: Parked | None = None  # what this request parked before, when it is run once more
