"""Buffers of all connections together are bounded."""

from chat.server import stream
from chat.server.connection import HttpConnection
from chat.server.http_parser import Framed
from chat.server.memory import Memory
from chat.server.stream import StreamConnection
from chat.server.websocket import WebSocketConnection
from chat.server.wsgi import Answer
from tests.server.websocket import BINARY, TEXT, frame
from tests.unit.connection.conftest import Clock, Session, Transport, Worker, answer


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


def test_the_inbox_is_bounded(socket: StreamConnection, worker: Worker, transport: Transport) -> None:
    socket.data_received(frame(TEXT, "x") * 1000)
    assert len(socket._inbox) <= stream.INBOX_MESSAGES
    assert not transport.reading
