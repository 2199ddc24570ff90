"""A connection of lines: the end of its input."""

import socket
from collections.abc import Iterator

import pytest

from chat.server.lines import LineConnection
from chat.server.ports import LineProtocol, Look
from tests.unit.connection.conftest import Session, Transport, Worker


class FoundByThread:
    """A PushReader that finds its news in a thread."""

    expired = is_behind = False
    pace = None

    def __init__(self) -> None:
        self.found: list[bytes | Look] = [Look.NEEDS_THREAD]
        self.fails = False

    def look(self) -> bytes | Look:
        return self.found.pop() if self.found else Look.NOTHING_YET

    def look_again(self) -> None:
        if self.fails:
            raise OSError
        self.found = [b"news"]

    def close(self) -> None: ...


@pytest.fixture
def written(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """All that the connection writes to its transport, which has a socket."""
    made: list[bytes] = []
    with socket.socket() as real:
        kept = {"socket": real, "peername": ("127.0.0.1", 1)}
        monkeypatch.setattr(transport, "get_extra_info", kept.get)
        monkeypatch.setattr(transport, "write", made.append)
        monkeypatch.setattr(transport, "can_write_eof", lambda: True)
        monkeypatch.setattr(transport, "write_eof", lambda: None, raising=False)
        yield made


@pytest.fixture
def lines(worker: Worker, transport: Transport, session: Session, written: list[bytes]) -> LineConnection:
    del written
    made = LineConnection(worker, LineProtocol(lambda: session, lambda _code, _reason: b""))
    made.connection_made(transport)
    worker.work.pop()()  # opened
    return made


def test_news_that_a_thread_finds_after_the_end_of_the_input_is_written(
    lines: LineConnection, worker: Worker, transport: Transport, written: list[bytes]
) -> None:
    lines.follow(lambda _wake: FoundByThread())
    lines.eof_received()
    assert not transport.closing
    worker.work.pop()()
    assert written[0] == b"news"
    assert transport.closing


def test_nobody_waits_for_a_look_that_fails(
    lines: LineConnection, worker: Worker, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "wake", lambda one: one.look())
    reader = FoundByThread()
    reader.fails = True
    lines.follow(lambda _wake: reader)
    lines.eof_received()
    worker.work.pop()()
    assert transport.closing


def test_a_stop_waits_for_news_that_a_thread_looks_for(
    lines: LineConnection, worker: Worker, transport: Transport, written: list[bytes]
) -> None:
    reader = FoundByThread()
    lines.follow(lambda _wake: reader)
    lines.stop()
    assert lines.is_open
    reader.expired = True
    worker.work.pop()()
    assert written[0] == b"news"
    assert not lines.is_open


def test_a_stop_does_not_wait_for_a_look_that_fails(lines: LineConnection, worker: Worker) -> None:
    reader = FoundByThread()
    reader.fails = True
    lines.follow(lambda _wake: reader)
    worker.work.pop()()
    lines.stop()
    assert not lines.is_open


def test_a_client_that_has_closed_its_side_is_not_waited_for(
    lines: LineConnection, worker: Worker, transport: Transport
) -> None:
    lines.data_received(b"one\ntwo\n")
    lines.eof_received()
    lines.close()
    assert transport.closing
