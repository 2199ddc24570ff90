"""One connection on a loop and a transport that the test turns by hand: what real ones would show late, or seldom."""

from collections.abc import Callable
from typing import Any

import pytest

from chat.lanes import Lane
from chat.server import bounded_connection, http_working, stream, stream_transport
from chat.server import connection as connection_module
from chat.server.client_identity import Clients
from chat.server.connection import HttpConnection
from chat.server.connection_limits import Places
from chat.server.host import Connection
from chat.server.http_parser import Framed
from chat.server.known_heads import KnownHeads
from chat.server.memory import Memory
from chat.server.ports import Application
from chat.server.refusals import refusal
from chat.server.stream import StreamConnection
from chat.server.websocket import WebSocketConnection
from chat.server.wsgi import Answer
from tests import moves

moves.check()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Transport:
    """Keeps written data until the test reads it."""

    def __init__(self) -> None:
        self.unread = 0
        self.reading = True
        self.closing = self.aborted = False

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return ("127.0.0.1", 1)

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def get_write_buffer_size(self) -> int:
        return self.unread

    def write(self, data: bytes) -> None:
        self.unread += len(data)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True


class Worker:
    """A chat.server.host.Host. Work is kept for the test to do; the loop is the test."""

    max_body = 1000
    keepalive = 75.0
    is_proxied = is_logged = is_stopping = False
    clients = Clients(lambda _: None, 0)
    application = Application(handle=lambda _arrival, _environ, _start_response: [])
    scheme, log = "http", None

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self.sockets: set[Connection] = set()
        self.places = Places(100)
        self.memory = Memory(100_000_000)
        self.deadlines = self
        self.loop = self
        self.known_heads = KnownHeads(self.call_later, self.keepalive)
        self.soon: list[Callable[[], None]] = []
        self.work: list[Callable[[], None]] = []
        self.lanes: list[Lane] = []

    def watch(self, _one: object) -> None: ...

    def forget(self, _one: object) -> None: ...

    def call_soon(self, call: Callable[[], None]) -> None:
        self.soon.append(call)

    def call_later(self, _seconds: float, call: Callable[[], None]) -> None:
        self.soon.append(call)

    def in_thread(self, _owner: object, work: Callable[..., None], *args: Any) -> None:
        self.work.append(lambda: work(*args))

    offer = in_thread

    def offer_in(self, lane: Lane, owner: object, work: Callable[..., None], *args: Any) -> None:
        self.lanes.append(lane)
        self.in_thread(owner, work, *args)

    in_lane = offer_in

    def wake(self, _one: object) -> None: ...

    def taken_in(self) -> None: ...

    def refusal(self, status: str, reason: str, request: bytes) -> bytes:
        return refusal(status, reason, request)

    def on_loop(self, call: Callable[..., None], *args: Any) -> None:
        call(*args)


class Session:
    """Records the calls of a socket's session."""

    def __init__(self) -> None:
        self.got: list[str | bytes] = []

    def opened(self, peer: object) -> None: ...

    def received(self, message: str | bytes) -> None:
        self.got.append(message)

    def closed(self) -> None: ...


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (bounded_connection, connection_module, http_working, stream, stream_transport):
        monkeypatch.setattr(module, "time", made)
    return made


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def transport() -> Transport:
    return Transport()


@pytest.fixture
def told(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """The refusals: status, and request."""
    made: list[tuple[str, bytes]] = []

    def refused(status: str, reason: str, request: bytes) -> bytes:
        made.append((status, request))
        return refusal(status, reason, request)

    monkeypatch.setattr(worker, "refusal", refused)
    return made


@pytest.fixture
def http(worker: Worker, transport: Transport, clock: Clock) -> HttpConnection:
    made = HttpConnection(worker)
    made.connection_made(transport)
    return made


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def socket(worker: Worker, transport: Transport, clock: Clock, session: Session) -> StreamConnection:
    made = WebSocketConnection(worker, session)
    made.connection_made(transport)
    worker.work.pop()()  # opened
    return made


def answer(http: HttpConnection, transport: Transport, size: int, *, close: bool = False) -> None:
    """Send one request and answer it with `size` bytes."""
    http.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    http._worked(Framed(b"", b""), Answer([bytes(size)], close=close))
    if transport.unread > transport.high:
        http.pause_writing()


def look(http: HttpConnection, clock: Clock) -> None:
    """Let its deadline expire."""
    clock.now = http.deadline
    http.deadline_passed()


HEAD = b"POST /user/login HTTP/1.1\r\nHost: x\r\n"
