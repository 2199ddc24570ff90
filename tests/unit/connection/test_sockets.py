"""A WebSocket connection: slow readers, floods, and turns."""

from collections import deque

import pytest

from chat.server.flow_control import WRITE_SECONDS
from chat.server.loop_host import LoopHost
from chat.server.stream import FRAMES_A_TURN, StreamConnection
from chat.server.websocket_frames import FrameReader
from tests.server.websocket import BINARY, TEXT, close, frame
from tests.unit.connection.conftest import Clock, Session, Transport, Worker


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
    before = worker.memory.total
    for _ in range(50):
        if transport.reading:
            socket.data_received(frame(BINARY, bytes(10_000)))
    assert worker.memory.total == before


def test_fragments_take_turns_as_whole_frames_do(socket: StreamConnection, session: Session, worker: Worker) -> None:
    fragments = frame(TEXT, "", fin=False) + frame(0, "", fin=False) * 10_000
    socket.data_received(fragments + frame(0, "the end"))
    turns = 1
    while worker.soon:
        assert not worker.work, "the others' turn"
        worker.soon.pop()()
        turns += 1
    assert turns >= 10_000 // FRAMES_A_TURN
    worker.work.pop()()
    assert session.got == ["the end"]


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
    socket: StreamConnection, session: Session, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "received", lambda _message: socket.send(bytes(5_000_000)))
    socket.data_received(frame(TEXT, "a long answer, please"))
    worker.work.pop()()
    socket.pause_writing()
    socket.write(b"a push")
    assert socket.is_open
    for _ in range(11):
        socket.write(bytes(100_000))
    assert not socket.is_open, "1 MiB more than that waits"


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


def test_a_socket_that_has_closed_its_side_is_not_waited_for(
    socket: StreamConnection, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "can_write_eof", lambda: True)
    socket.data_received(frame(TEXT, "hello"))
    socket.eof_received()
    assert not transport.closing
    socket.close()
    assert transport.closing
