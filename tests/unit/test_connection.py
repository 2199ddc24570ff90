"""One connection on a loop and a transport that the test turns by hand: what real ones would show late, or seldom."""

from collections import deque
from collections.abc import Callable
from typing import Any, cast

import pytest

from chat.lanes import Lane, WrongLane
from chat.server import bounded_connection, http_working, stream, stream_transport
from chat.server import connection as connection_module
from chat.server import wsgi as request_module
from chat.server.client_identity import Clients
from chat.server.connection import HttpConnection
from chat.server.connection_limits import Places
from chat.server.flow_control import WRITE_SECONDS
from chat.server.host import Connection
from chat.server.http_parser import Framed
from chat.server.known_heads import KnownHeads
from chat.server.loop_host import LoopHost
from chat.server.memory import Memory
from chat.server.ports import Application, Receiving
from chat.server.refusals import refusal
from chat.server.stream import FRAMES_A_TURN, StreamConnection
from chat.server.websocket import WebSocketConnection
from chat.server.websocket_frames import FrameReader
from chat.server.wsgi import Answer
from tests import moves
from tests.server.websocket import BINARY, TEXT, close, frame

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


class LongAnswer(Session):
    def __init__(self, peer: StreamConnection) -> None:
        super().__init__()
        self.peer = peer

    def received(self, message: str | bytes) -> None:
        self.peer.send(bytes(5_000_000))


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
def socket(worker: Worker, transport: Transport, clock: Clock) -> StreamConnection:
    made = WebSocketConnection(worker, Session())
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


def test_a_slow_client_that_reads_gets_all(http: HttpConnection, transport: Transport, clock: Clock) -> None:
    answer(http, transport, 8_000_000)
    while transport.unread > 100_000:
        transport.unread -= 100_000
        look(http, clock)
        assert not transport.closing
    began = clock.now
    transport.unread -= 1
    look(http, clock)
    assert transport.aborted, "a byte now and then is not reading"
    assert clock.now - began == WRITE_SECONDS


def test_a_client_that_does_not_read_the_last_of_its_answer_is_given_up(
    http: HttpConnection, transport: Transport, clock: Clock
) -> None:
    """The rest is in the transport's buffer, too small for a callback; a closing transport would wait
    for it forever.
    """
    answer(http, transport, 1000, close=True)
    assert transport.closing
    look(http, clock)
    assert transport.aborted


def test_the_same_when_an_idle_connection_is_closed(http: HttpConnection, transport: Transport, clock: Clock) -> None:
    answer(http, transport, 1000)
    look(http, clock)
    assert transport.closing
    assert not transport.aborted
    look(http, clock)
    assert transport.aborted


def test_small_chunks_take_turns(http: HttpConnection, worker: Worker, transport: Transport) -> None:
    chunks = b"1\r\nx\r\n" * 900
    http.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    assert len(http._framer.buffer) > len(chunks) / 2, "the others' turn"
    reading = [transport.reading]
    while worker.soon:
        worker.soon.pop()()
    assert [*reading, transport.reading] == [False, True]
    assert len(worker.work) == 1, "it has come whole"


@pytest.mark.parametrize("request_line", ["GET /api/room/list HTTP/1.1", ""])
def test_surplus_connections_are_refused_in_their_protocols_envelope(
    worker: Worker, transport: Transport, clock: Clock, told: list[tuple[str, bytes]], request_line: str
) -> None:
    worker.places = Places(0)
    surplus = HttpConnection(worker)
    surplus.connection_made(transport)
    assert transport.unread == 0, "it has a moment to ask"
    if request_line:
        surplus.data_received(request_line.encode())
    else:
        look(surplus, clock)
    assert told == [("503 Service Unavailable", request_line.encode())]
    assert transport.unread > 0
    surplus.data_received(b"more")
    assert len(told) == 1


def upload(worker: Worker, size: int) -> tuple[HttpConnection, Transport]:
    """A connection that has received `size` bytes of a long body."""
    made, transport = HttpConnection(worker), Transport()
    made.connection_made(transport)
    made.data_received(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 150000\r\n\r\n")
    made.data_received(bytes(size))
    return made, transport


def test_bodies_that_do_not_end_are_bounded_together(worker: Worker, clock: Clock) -> None:
    worker.max_body, worker.memory = 200_000, Memory(1_000_000)
    uploads = [upload(worker, 140_000) for _ in range(10)]
    assert [transport.unread > 0 for _, transport in uploads] == [False] * 5 + [True] * 5, "503: it is one address"
    assert upload(worker, 1000)[1].unread == 0, "short ones are none of it"
    first, _ = uploads[0]
    first.data_received(bytes(10_000))
    first._worked(Framed(b"", b""), Answer([], close=False))
    uploads[1][0].connection_lost(None)
    assert worker.memory.total == 3 * 140_000
    assert upload(worker, 140_000)[1].unread == 0


def test_answers_that_are_not_read_are_bounded_together(worker: Worker, clock: Clock) -> None:
    worker.memory = Memory(1_000_000)
    transports = []
    for _ in range(4):
        transports.append(Transport())
        connection = HttpConnection(worker)
        connection.connection_made(transports[-1])
        answer(connection, transports[-1], 300_000)
    assert [each.aborted for each in transports] == [False, False, True, True]
    connection.connection_lost(None)
    assert worker.memory.total == 2 * 300_000, "what is given up is not kept"


def test_data_sent_during_a_request_is_counted(http: HttpConnection, worker: Worker, transport: Transport) -> None:
    http.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    http.data_received(bytes(50_000))
    assert worker.memory.total == 50_000
    worker.memory.most = 60_000
    http.data_received(bytes(12_000))
    assert not transport.reading
    http.connection_lost(None)
    assert worker.memory.total == 0


def test_half_frames_are_bounded_together(worker: Worker, clock: Clock) -> None:
    worker.memory = Memory(400_000)
    sockets = []
    for _ in range(4):
        sockets.append(WebSocketConnection(worker, Session()))
        sockets[-1].connection_made(Transport())
        sockets[-1].data_received(frame(BINARY, bytes(100_000))[:-1])
    assert [each.is_open for each in sockets] == [True, True, False, False]
    for each in sockets:
        each.connection_lost(None)
    assert worker.memory.total == 0


def test_a_message_counts_until_it_is_handled(socket: StreamConnection, worker: Worker) -> None:
    socket.data_received(frame(BINARY, bytes(60_000)))
    assert worker.memory.total == 60_000
    worker.work.pop()()
    assert worker.memory.total == 0


def test_a_socket_that_does_not_read_is_dropped_after_ten_seconds(
    socket: StreamConnection, transport: Transport, clock: Clock
) -> None:
    socket.write(bytes(100_000))
    socket.pause_writing()
    transport.unread -= 20_000
    clock.now += WRITE_SECONDS
    socket.deadline_passed()
    assert socket.is_open, "it has read some of it"
    transport.unread -= 1
    clock.now += WRITE_SECONDS
    socket.deadline_passed()
    assert not socket.is_open


def test_data_after_a_close_frame_is_discarded(socket: StreamConnection, worker: Worker, transport: Transport) -> None:
    socket.pause_writing()  # the client does not read: its messages wait
    socket.data_received(frame(TEXT, "said before") + close(1000))
    before = len(socket._reader.buffer)  # type: ignore[attr-defined]
    for _ in range(50):
        if transport.reading:
            socket.data_received(frame(BINARY, bytes(10_000)))
    assert len(socket._reader.buffer) == before  # type: ignore[attr-defined]


def test_fragments_take_turns_as_whole_frames_do(socket: StreamConnection, worker: Worker) -> None:
    fragments = frame(TEXT, "", fin=False) + frame(0, "", fin=False) * 10_000
    socket.data_received(fragments)
    assert len(socket._reader.buffer) > len(fragments) / 2, "the others' turn"  # type: ignore[attr-defined]
    socket._keep(frame(0, "the end"))
    while worker.soon:
        worker.soon.pop()()
    worker.work.pop()()
    assert cast(Session, socket._session).got == ["the end"]


def test_a_flood_after_our_good_bye_is_not_read_through(
    socket: StreamConnection, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket.stop()
    looked, real = [], FrameReader.next
    monkeypatch.setattr(FrameReader, "next", lambda reader: looked.append(1) or real(reader))  # type: ignore[func-returns-value]
    socket.data_received(frame(TEXT, "", fin=False) + frame(0, "", fin=False) * 10_000)
    assert len(looked) <= FRAMES_A_TURN
    assert not transport.closing
    socket.data_received(close(1001))
    assert transport.closing


def test_a_push_behind_a_long_answer_drops_no_client(
    socket: StreamConnection, worker: Worker, transport: Transport
) -> None:
    socket._session = LongAnswer(socket)
    socket.data_received(frame(TEXT, "a long answer, please"))
    worker.work.pop()()
    socket.pause_writing()
    socket.write(b"a push")
    assert socket.is_open
    for _ in range(11):
        socket.write(bytes(100_000))
    assert not socket.is_open, "1 MiB more than that waits"


def test_the_inbox_is_bounded(socket: StreamConnection, worker: Worker, transport: Transport) -> None:
    socket.data_received(frame(TEXT, "x") * 1000)
    assert len(socket._inbox) <= stream.INBOX_MESSAGES
    assert not transport.reading


def test_connections_woken_during_a_look_wait_for_the_next_turn() -> None:
    """A connection with much to read wakes itself after each part: all others would wait for its end."""
    worker = LoopHost.__new__(LoopHost)
    worker._woken, worker._flush_is_due = deque(), False
    turns: list[str] = []
    worker.on_loop = lambda call, *_: turns.append("scheduled")  # type: ignore[method-assign]

    class Behind:
        def look(self) -> None:
            assert len(turns) < 10, "it keeps the loop"
            turns.append("looked")
            worker.wake(self)

    worker.wake(Behind())
    worker._look_at_woken()
    assert turns == ["scheduled", "looked", "scheduled"]


@pytest.mark.parametrize("begun", [b"GET /x", HEAD, HEAD + b"Content-Length: 9\r\n\r\nx"])
def test_half_a_request_is_refused_when_its_time_is_over(
    http: HttpConnection, transport: Transport, clock: Clock, told: list[tuple[str, bytes]], begun: bytes
) -> None:
    http.data_received(begun)
    look(http, clock)
    assert told == [("408 Request Timeout", begun.removesuffix(b"x") if begun.endswith(b"\nx") else begun)]
    assert transport.unread > 0


def test_a_connection_that_waits_for_its_next_request_is_closed_without_a_word(
    http: HttpConnection, transport: Transport, clock: Clock
) -> None:
    look(http, clock)
    assert transport.closing
    assert transport.unread == 0


@pytest.mark.parametrize("ends", ["its time is over", "the stream ends"])
def test_half_a_body_in_parts_is_refused_and_abandoned(
    http: HttpConnection, worker: Worker, clock: Clock, told: list[tuple[str, bytes]],
    monkeypatch: pytest.MonkeyPatch, ends: str,
) -> None:  # fmt: skip
    abandoned: list[str] = []

    class Kept:
        def take(self, part: bytes) -> None: ...

        def abandon(self) -> None:
            abandoned.append("body")

    received = Answer([], close=False)
    received.receiving = Receiving(Kept(), lambda *_: [])
    monkeypatch.setattr(request_module, "run", lambda *_: received)
    monkeypatch.setattr(http._framer, "_takes_parts", lambda _: 500_000)
    head = HEAD + b"Content-Length: 300000\r\n\r\n"
    http.data_received(head)
    worker.work.pop()()
    http.data_received(bytes(100_000))
    if ends == "the stream ends":
        http.eof_received()
    else:
        look(http, clock)
    assert told == [("400 Bad Request" if ends == "the stream ends" else "408 Request Timeout", head)]
    worker.work.pop()()
    assert abandoned == ["body"]
    http.connection_lost(None)
    assert not worker.work


def test_a_request_in_the_wrong_lane_is_run_again_in_the_right_one(
    http: HttpConnection, worker: Worker, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[Any] = [WrongLane(Lane.HASHING), Answer([b"done"], close=False)]

    def run(*_: Any) -> Answer:
        outcome = outcomes.pop(0)
        if isinstance(outcome, WrongLane):
            raise outcome
        assert isinstance(outcome, Answer)
        return outcome

    monkeypatch.setattr(request_module, "run", run)
    http.data_received(HEAD + b"\r\n")
    worker.work.pop()()
    assert worker.lanes == [Lane.HASHING]
    assert not transport.unread
    worker.work.pop()()
    assert transport.unread == len(b"done")


def test_a_body_received_for_a_client_that_disconnects_on_the_way_to_another_lane_is_abandoned(
    http: HttpConnection, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    abandoned: list[str] = []

    class Kept:
        def take(self, part: bytes) -> None: ...

        def abandon(self) -> None:
            abandoned.append("body")

    def finish(_arrival: object, _start_response: object) -> list[bytes]:
        raise WrongLane(Lane.PICTURES)

    received = Answer([], close=False)
    received.receiving = Receiving(Kept(), finish)
    runs = [lambda *_: received, lambda *job: job[-1](None, None)]  # the request, then the rest of it
    monkeypatch.setattr(request_module, "run", lambda *job: runs.pop(0)(*job))
    http.data_received(HEAD + b"\r\n")
    worker.work.pop()()
    assert worker.lanes == [Lane.PICTURES]
    assert not abandoned
    http.connection_lost(None)
    worker.work.pop()()
    assert abandoned == ["body"]


def test_a_refused_request_is_told_so_in_a_lane_for_that(
    http: HttpConnection, worker: Worker, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[tuple[Any, ...]] = []
    monkeypatch.setattr(worker, "offer", lambda owner, *job: refused.append((owner, *job)))
    http.data_received(HEAD + b"\r\n")
    owner, work, *args = refused.pop()
    owner.refused(Lane.REST, work, tuple(args))
    assert worker.lanes == [Lane.REFUSING]
    owner.refused(Lane.REFUSING, work, tuple(args))  # that is full too
    assert transport.unread
    assert transport.closing


def test_a_socket_whose_message_is_refused_everywhere_is_closed(
    socket: StreamConnection, worker: Worker, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[tuple[Any, ...]] = []
    monkeypatch.setattr(worker, "offer", lambda owner, *job: refused.append((owner, *job)))
    socket.data_received(frame(TEXT, b"hello"))
    owner, work, *args = refused.pop()
    owner.refused(Lane.REST, work, tuple(args))
    assert worker.lanes == [Lane.REFUSING]
    assert socket.is_open
    owner.refused(Lane.REFUSING, work, tuple(args))
    assert not socket.is_open
