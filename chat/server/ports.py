"""The server's door: the interfaces between it and an application.

Applications import only this module and chat.server.client_identity. It imports nothing, because gunicorn's master
loads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, Protocol, TypeAlias

Client = int | str  # whose turn and share it is: a user's id, or an address
Wsgi = Callable[[Any, Any], "Iterable[bytes]"]  # environ, start_response
Result: TypeAlias = "Iterable[bytes] | Held | Streamed | Receiving | Upgrade"
Handle = Callable[["Arrival", Any, Any], Result]  # facts about the request, environ, start_response
Takes = Callable[[bytes, Client], bool]  # of a request's head and its client
# A function of a request's head as far as it arrived, status and reason: media type and body of a refusal; None: the
# application has none.
Envelope = Callable[[bytes, str, str], tuple[str, bytes] | None]
Pieces = Iterator[bytes | float]  # chunks to send; a number is a pause in seconds
Network = IPv4Network | IPv6Network

SHORT_MAX_BYTES = 64 * 1024  # longer bodies are allowed for some requests only
RETRY_SECONDS = 2  # told to clients with a 503
# Close codes of WebSocket (RFC 6455, 7.4.1). Line protocols word them: LineProtocol.farewell.
NORMAL, GOING_AWAY, PROTOCOL_ERROR, BAD_TEXT, POLICY, TOO_LARGE, INTERNAL, TRY_LATER = (
    1000, 1001, 1002, 1007, 1008, 1009, 1011, 1013,
)  # fmt: skip


def no_envelope(_request: bytes, _status: str, _reason: str) -> None:
    """Belongs to an application without protocols."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """All that the server calls upwards."""

    handle: Handle
    health: Wsgi | None = None  # answers /healthz on the loop
    envelope: Envelope = no_envelope
    # Whether a body over SHORT_MAX_BYTES, or any body that the client holds back until a 100, is received.
    takes_long: Takes = lambda _head, _client: True
    takes_any: Takes = lambda _head, _client: True
    # How many bytes a body may have that is passed to a Receiver in parts; 0: it is not.
    takes_parts: Callable[[bytes, Client], int] = lambda _head, _client: 0
    # The user of a token with a valid signature. It may have expired: it still only gives turns as its own user.
    user_named: Callable[[str], int | None] = lambda _token: None
    line_protocols: Mapping[int, LineProtocol] = field(default_factory=dict)  # by port; all others speak HTTP
    stopping: Callable[[], None] = lambda: None  # called on the loop, once or twice, when the server must stop
    # Called in a thread, and may not raise: no connection is open, and none is accepted until `resume` has returned.
    rest: Callable[[], None] = lambda: None
    resume: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits on clients, and the proxies through which they come."""

    max_body: int = 8 * 1024 * 1024  # bytes of a request
    memory: int = 512 * 1024 * 1024  # bytes buffered for all clients
    least_share: int = 0  # bytes of it that any client may have
    connections_per_address: int = 0  # 0: unlimited
    trusted_proxies: int = 0  # in front of HTTP, one behind the other
    line_proxies: tuple[Network, ...] = ()  # in front of line listeners


@dataclass(frozen=True, slots=True)
class Arrival:
    """Facts about a request that have no place in WSGI's environ."""

    received_at: float  # time.monotonic() s when the request was complete and began to wait for a thread
    body: bytes | bytearray | None  # without werkzeug's wrappers; None: too large or coming, and not received
    coming: int = 0  # bytes of a body that has not been read: see Receiving


class BodyNotReceived(Exception):  # noqa: N818 - named by what happened
    """Raised by wsgi.input if Arrival.body is None."""


class Look(Enum):
    """The result of a reader's look, other than data."""

    NOTHING_YET = auto()
    NEEDS_THREAD = auto()  # needs the database, or too much work for the loop


class Ahead(Enum):
    """The result of HeldRequest.again where the client has seen more than has arrived in memory: ask in a moment."""

    IS_AHEAD = auto()


# Accessing an enum member takes ten times as long (Python 3.11), and each delivery does so several times.
NOTHING_YET: Final = Look.NOTHING_YET
NEEDS_THREAD: Final = Look.NEEDS_THREAD
IS_AHEAD: Final = Ahead.IS_AHEAD
Data = bytes | list[bytes]  # parts that may be shared with other connections


class Reader(Protocol):
    """Waits for news on behalf of one connection, and calls a function from any thread when a look may find some.

    On the loop, without I/O or blocking, except look_again. One call at a time.
    """

    @property
    def expired(self) -> bool:
        """Whether to end the wait now, with or without news."""

    def look(self) -> Data | Look:
        """Return news. After NEEDS_THREAD, look_again is called, then this again."""

    def look_again(self) -> None:
        """In a thread: prepare the next look, after reading rights from the database."""

    def close(self) -> None:
        """The last call. Called once, maybe during a look in a thread."""


class HeldRequest(Reader, Protocol):
    """Answers one request when there is news, and later ones with, byte for byte, the same head.

    News is a body. If `start` or look_again raises, the request is handled as a new one, from its beginning.
    """

    deadline: float  # time.monotonic() s
    is_held: bool  # maintained by the connection

    def start(self, wake: Callable[[], None]) -> None:
        """In a thread, once, before all other calls: begin to wait, and prepare the first look."""

    def continue_on(self, wake: Callable[[], None]) -> None:
        """Call this `wake` from now on: the next request comes on another connection, as behind proxies."""

    def again(self, body: bytes) -> Data | Look | Ahead:
        """Handle the next request with the same head; on NOTHING_YET it is held, on NEEDS_THREAD it is a new one."""

    def late(self) -> bytes:
        """Return the answer at the deadline, or when the server stops."""


class PushReader(Reader, Protocol):
    """Finds news to push to one socket: framed messages. look_again raises Ended when the client has lost access.

    After another exception look_again is called a little later.
    """

    @property
    def is_behind(self) -> bool:
        """Whether the last look left news for the next one."""

    @property
    def pace(self) -> Callable[[], float] | None:
        """Called after each write: how many seconds to look for nothing. None: look whenever woken."""


class Receiver(Protocol):
    """Takes a long body in parts, as it arrives. Called in threads, one call at a time; raises nothing."""

    def take(self, part: bytes) -> None:
        """Handle the next part."""

    def abandon(self) -> None:
        """The rest does not arrive, or nobody waits for the answer. Called at most once, after all other calls."""


class Ended(Exception):  # noqa: N818 - it is no mistake
    """The reader has lost access: close the connection with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


# Results of a Handle other than the parts of a body. All but Receiving after start_response:


@dataclass(frozen=True, slots=True)
class Held:
    """The answer comes later. Its head, except for the length, is the one of start_response."""

    request: HeldRequest
    answered: Callable[[], None]  # called on the loop for each answer


@dataclass(frozen=True, slots=True)
class Streamed:
    """A body that is sent in parts as the client reads."""

    pieces: Iterable[bytes]  # iterated in threads, and closed at the end or on abort


@dataclass(frozen=True, slots=True)
class Receiving:
    """The body is passed to a receiver, also if it is here already; then `finish` answers."""

    receiver: Receiver
    # Facts about the request with its body, start_response. Raises WrongLane before it does anything.
    finish: Callable[[Arrival, Any], Iterable[bytes]]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """With 101: the connection continues as a socket."""

    key: str  # Sec-WebSocket-Key, which is valid
    open: Open
    abandoned: Callable[[], None]  # called instead of `open`, on the loop: the client has disconnected


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
        """Return a message in the connection's framing, as PushReader.look must return it."""

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close after pending data is sent. Messages that were received but not handled are dropped."""

    def close_in(self, seconds: float | None) -> None:
        """Close with 1008 after this many seconds, unless called again; None cancels."""

    def follow(self, make: Callable[[Callable[[], None]], PushReader]) -> None:
        """Push the reader's news from now on, replacing an earlier one. Not while a message is being handled.

        `make` is called in this thread, with the function that the reader must call. Raises what `make` raises.
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

        The iterator runs in threads; if it raises, the connection is closed.
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
    farewell: Callable[[int, str], bytes]  # the last bytes for a close code and a reason; on the loop
