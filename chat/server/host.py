"""Interfaces of the worker, as its connections use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from chat.lanes import Lane
from chat.server.client_identity import Clients
from chat.server.connection_limits import Places
from chat.server.deadlines import Watched
from chat.server.known_heads import KnownHeads
from chat.server.memory import Memory
from chat.server.ports import Application, Client


class Owner(Protocol):
    """The connection that work in a thread belongs to. Called on the loop."""

    @property
    def client(self) -> Client:
        """The client whose turn the work uses. Only called if it has to wait."""

    def refused(self, lane: Lane, work: Callable[..., None], args: tuple[Any, ...]) -> None:
        """Work that was offered to a lane is refused, because the queue is full."""


class Connection(Protocol):
    """One connection, as its host calls it. On the loop."""

    @property
    def is_held(self) -> bool:
        """Whether a request on it is held."""

    def stop(self) -> None:
        """Finish the request or message in progress, and close. May be called repeatedly."""


class Waiting(Protocol):
    """A connection that may wait for news."""

    def look(self) -> None:
        """Look for news. On the loop."""


class Loop(Protocol):
    """The part of asyncio's event loop that connections use."""

    def call_soon(self, callback: Callable[..., None], *args: Any) -> object: ...

    def call_later(self, delay: float, callback: Callable[..., None], *args: Any) -> object: ...


class Watch(Protocol):
    """Deadlines of connections: see chat.server.deadlines."""

    def watch(self, one: Watched) -> None:
        """Check the object when its deadline comes."""

    def forget(self, one: Watched) -> None:
        """Stop watching the object."""


class Threads(Protocol):
    """Where work runs that may block. In order, for one owner, only as far as the owner sees to it."""

    def in_thread(self, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work in a thread at the client's turn. For work that may not be refused."""

    def offer(self, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work in a thread at the client's turn, or have it refused (Owner.refused)."""

    def offer_in(self, lane: Lane, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work in this lane, or have it refused."""

    def in_lane(self, lane: Lane, owner: Owner, work: Callable[..., None], *args: Any) -> None:
        """Run the work in this lane. For work that may not be refused."""

    def on_loop(self, call: Callable[..., None], *args: Any) -> None:
        """Call on the loop, from any thread, in the order of the calls."""


class Host(Threads, Protocol):
    """The worker, as its connections see it."""

    @property
    def loop(self) -> Loop: ...

    @property
    def deadlines(self) -> Watch: ...

    application: Application
    clients: Clients  # whose turns and shares count
    memory: Memory  # the account of data buffered for clients
    places: Places  # limits on the number of connections
    connections: set[Connection]
    sockets: set[Connection]  # of these; their clients cannot go on at another worker
    known_heads: KnownHeads  # of clients between two pulls; used behind proxies
    keepalive: float  # s that a connection may wait for its next request
    max_body: int  # bytes
    is_proxied: bool  # HTTP arrives through proxies, whose address is not a client's
    is_logged: bool  # there is an access log
    is_stopping: bool  # each answer is the last of its connection
    scheme: str  # http, or https where this server ends TLS
    log: Any  # gunicorn's log

    def wake(self, connection: Waiting) -> None:
        """Schedule a look at a held request or socket, from any thread. Several are handled in one turn of the loop."""

    def taken_in(self) -> None:
        """A pull has arrived and is held now: see LoopHost."""

    def refusal(self, status: str, reason: str, request: bytes) -> bytes:
        """Build a whole answer that closes the connection; see chat.server.refusals. On the loop, or in a thread."""
