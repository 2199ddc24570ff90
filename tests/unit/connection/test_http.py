"""An HTTP connection: deadlines, turns, and refusals."""

import pytest

from chat.server import wsgi as request_module
from chat.server.connection import HttpConnection
from chat.server.connection_limits import Places
from chat.server.flow_control import WRITE_SECONDS
from chat.server.http_parser import CHUNKS_A_TURN
from chat.server.ports import Application, Receiving
from chat.server.wsgi import Answer
from tests.unit.connection.conftest import HEAD, Clock, Transport, Worker, answer, look


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
    reading, turns = [transport.reading], 1
    while worker.soon:
        assert not worker.work, "the others' turn"
        worker.soon.pop()()
        turns += 1
    assert turns >= 900 // CHUNKS_A_TURN
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
    worker.application = Application(handle=lambda *_: [], takes_parts=lambda *_: 500_000)
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
