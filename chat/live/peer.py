"""What passes between a long-lived connection and the protocol that is spoken on it. No protocol is known here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from chat.live.pieces import Pieces

if TYPE_CHECKING:  # gunicorn's master reads this module; it must not pull in the rest
    from chat.delivery import Waiter


class Ended(Exception):  # noqa: N818 - it is no mistake
    """The reader may read no further: the connection is closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Source(Protocol):
    """What is pushed to one peer: things with a place in some order, and things that just happen (signals)."""

    waiter: Waiter

    def look(self, most: int) -> list[Any] | None:
        """On the loop, without I/O or waiting: up to about `most` new items, oldest first; None: it takes a thread."""

    def look_again(self, most: int) -> list[Any]:
        """In a thread: the same after asking the database, the reader's rights first. Raises Ended.

        Whatever else it raises, it is called again a little later.
        """

    def take(self, item: Any) -> bytes | None:
        """On the loop: step past an item of the above; its bytes as they go out, or None if it is not for this peer."""

    def take_signal(self, signal: Any) -> bytes | None:
        """On the loop: the bytes of a signal, or None if it is not for this peer."""

    def close(self) -> None:
        """No look comes after this. Called once, on the loop: no I/O."""


class Peer(Protocol):
    """One client's connection, as its protocol sees it. All of it may be called from any thread."""

    @property
    def address(self) -> tuple[str, int]:
        """Where the client is."""

    @property
    def is_open(self) -> bool:
        """False once nothing that is sent can reach the client."""

    def belongs_to(self, user_id: int | None) -> None:
        """The client has shown who it is: it waits for its turns as that user. None: it is nobody any more."""

    def send(self, text: str | bytes) -> None:
        """Send one message (UTF-8), after those sent before. Never waits."""

    def framed(self, payload: bytes) -> bytes:
        """A message as it goes out here: what a Source's take returns."""

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say good-bye, after what has been sent. What the client has sent and was not handled yet is dropped."""

    def close_in(self, seconds: float | None) -> None:
        """Close with 1008 in so many seconds, unless this is called again; None: not at all."""

    def follow(self, make: Callable[[Callable[[], None]], Source]) -> None:
        """Push what the Source has from now on, instead of an earlier one. Not while a frame is being handled.

        make is called in this thread, with what the Source's waiter is to call. Raises what make raises.
        """

    def unfollow(self) -> None:
        """Push nothing any more."""


class Raw(bytes):
    """A piece of the bytes that LinePeer.take_raw asked for: no message."""


class LinePeer(Peer, Protocol):
    """A connection that speaks in lines, with raw bytes between them. These two are for while a line is handled."""

    def take_raw(self, count: int) -> None:
        """The next count bytes are no lines: they come to the Session as Raw, in pieces, one after the other."""

    def send_pieces(self, pieces: Pieces) -> None:
        """Send what the iterator gives, as it is, as the client reads; handle and push nothing until it is done.

        A number is a pause in seconds. The iterator is called in threads; where it raises, the connection is closed.
        """


class Session(Protocol):
    """The protocol's side. Called in threads, one call at a time, in order. Nothing may be raised."""

    def opened(self, peer: Peer) -> None:
        """First of all."""

    def received(self, message: str | bytes) -> None:
        """One message: str, or bytes where the client did not say that it is text. Or a Raw piece."""

    def closed(self) -> None:
        """Last of all, once and always. The peer may be long gone."""


Open = Callable[[], Session]


@dataclass(frozen=True)
class LineProtocol:
    """What is spoken at a listener of lines."""

    open: Open
    farewell: Callable[[int, str], bytes]  # a close code of frames.py, a reason: the last bytes; on the loop
