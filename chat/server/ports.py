"""Interfaces between a long-lived connection and its protocol. Knows no protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from chat.server.streaming import Pieces

if TYPE_CHECKING:  # gunicorn's master imports this module, which must not load the rest
    from chat.delivery import Waiter


class Ended(Exception):  # noqa: N818 - it is no mistake
    """The reader has lost access: close the connection with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Source(Protocol):
    """Content pushed to one peer: ordered items, and signals."""

    waiter: Waiter

    def look(self, most: int) -> list[Any] | None:
        """On the loop, without blocking: return about `most` new items, oldest first; None if a thread is needed."""

    def look_again(self, most: int) -> list[Any]:
        """In a thread: return about `most` new items after reading the reader's rights from the database. Raises Ended.

        After any other exception it is called again a little later.
        """

    def take(self, item: Any) -> bytes | None:
        """On the loop: advance past an item; return its framed bytes, or None if it is not for this peer."""

    def take_signal(self, signal: Any) -> bytes | None:
        """On the loop: return the bytes of a signal, or None if it is not for this peer."""

    def close(self) -> None:
        """The last call. Called once, on the loop, without I/O."""


class Peer(Protocol):
    """One client's connection, as seen by its protocol. All methods may be called from any thread."""

    @property
    def address(self) -> tuple[str, int]:
        """The client's address."""

    @property
    def is_open(self) -> bool:
        """False if data can no longer reach the client."""

    def belongs_to(self, user_id: int | None) -> None:
        """Assign the connection to a user for turns and shares; None: it is anonymous again."""

    def send(self, text: str | bytes) -> None:
        """Send one message (UTF-8), after earlier ones. Never blocks."""

    def framed(self, payload: bytes) -> bytes:
        """Return a message in the connection's framing, as Source.take must return it."""

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close after pending data is sent. Messages that were received but not handled are dropped."""

    def close_in(self, seconds: float | None) -> None:
        """Close with 1008 after this many seconds, unless called again; None cancels."""

    def follow(self, make: Callable[[Callable[[], None]], Source]) -> None:
        """Push the Source's items from now on, replacing an earlier Source. Not while a message is being handled.

        `make` is called in this thread, with the function that the Source's waiter must call. Raises what `make`
        raises.
        """

    def unfollow(self) -> None:
        """Stop pushing."""


class Raw(bytes):
    """A chunk of raw bytes requested with LinePeer.take_raw (as opposed to a message)."""


class LinePeer(Peer, Protocol):
    """A connection of lines, with raw bytes between them. Both methods are for use while a line is handled."""

    def take_raw(self, count: int) -> None:
        """Treat the next `count` bytes as raw: they reach the Session as Raw, in chunks."""

    def send_pieces(self, pieces: Pieces) -> None:
        """Send the iterator's chunks unchanged as the client reads; handle and push nothing until it ends.

        A number is a pause in seconds. The iterator runs in threads; if it raises, the connection is closed.
        """


class Session(Protocol):
    """The protocol's side. Called in threads, one call at a time, in order. Must not raise."""

    def opened(self, peer: Peer) -> None:
        """The first call."""

    def received(self, message: str | bytes) -> None:
        """Handle one message: str, or bytes if the client did not declare it as text. Or a Raw chunk."""

    def closed(self) -> None:
        """The last call, exactly once. The peer may have disconnected long before."""


Open = Callable[[], Session]


@dataclass(frozen=True)
class LineProtocol:
    """The protocol of a line listener."""

    open: Open
    # returns the last bytes for a close code of websocket_frames.py and a reason; on the loop
    farewell: Callable[[int, str], bytes]
