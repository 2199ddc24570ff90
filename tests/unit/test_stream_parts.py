"""The parts that connections are made of: heartbeat, inbox, flow control, the end of writing."""

from typing import Any

import pytest

from chat.server import flow_control
from chat.server.closing import end_writing
from chat.server.flow_control import WRITE_BYTES, FlowControl
from chat.server.heartbeat import DEAD_SECONDS, PING_SECONDS, Heartbeat
from chat.server.stream import INBOX_BYTES, INBOX_MESSAGES, Inbox


def test_a_silent_client_is_pinged_twice_and_then_dead() -> None:
    beat = Heartbeat(0.0)
    now, pings = 0.0, 0
    while not beat.is_dead(now):
        now = max(beat.due(now), now)
        pings += beat.pings(now)
    assert (pings, now) == (2, DEAD_SECONDS)


def test_a_client_that_sends_is_pinged_and_never_dead() -> None:
    beat = Heartbeat(0.0)
    pings = 0
    for now in range(1, 251):
        beat.heard(now)
        pings += beat.pings(now)
        assert not beat.is_dead(now + 1)
        assert now < beat.due(now) <= now + PING_SECONDS
    assert 9 <= pings <= 10


@pytest.mark.parametrize(("count", "size"), [(INBOX_MESSAGES, 1), (1, INBOX_BYTES)])
def test_an_inbox_is_full_by_messages_or_by_bytes(count: int, size: int) -> None:
    waiting = Inbox()
    for _ in range(count):
        assert not waiting.is_full
        waiting.put(bytes(size))
    assert waiting.is_full
    waiting.clear()
    assert (len(waiting), waiting.size) == (0, 0)


def test_a_message_counts_until_it_is_handled() -> None:
    waiting = Inbox()
    waiting.put("one")
    waiting.put(b"second")
    assert waiting.take() == "one"
    assert (len(waiting), waiting.size) == (1, 9)
    waiting.handled()
    assert waiting.size == 6


class Transport:
    """Notes what is called."""

    def __init__(self, *, can_half_close: bool = True, fails: bool = False) -> None:
        self.calls: list[str] = []
        self._can, self._fails = can_half_close, fails

    def can_write_eof(self) -> bool:
        return self._can

    def __getattr__(self, name: str) -> Any:
        if name == "write_eof" and self._fails:
            raise OSError
        return lambda: self.calls.append(name)


def test_reading_pauses_and_resumes_once() -> None:
    flow, transport = FlowControl(), Transport()
    flow.transport = transport
    flow.pause_reading()
    flow.pause_reading()
    assert [flow.resume_reading(), flow.resume_reading()] == [True, False]
    assert transport.calls == ["pause_reading", "resume_reading"]


def test_a_client_reads_if_enough_has_gone_since_the_last_check(monkeypatch: pytest.MonkeyPatch) -> None:
    unread = iter([100_000, 100_000 - WRITE_BYTES, 100_000 - WRITE_BYTES - 1])
    monkeypatch.setattr(flow_control, "unread_of", lambda _: next(unread))
    flow = FlowControl()
    flow.filled()
    assert not flow.is_drained
    assert [flow.check(), flow.check()] == [True, False]


@pytest.mark.parametrize(
    ("transport", "calls", "goes_on"),
    [
        (Transport(), ["write_eof"], True),
        (Transport(can_half_close=False), ["close"], True),
        (Transport(fails=True), ["abort"], False),
    ],
)
def test_how_writing_ends(transport: Transport, calls: list[str], goes_on: bool) -> None:
    assert end_writing(transport) is goes_on
    assert transport.calls == calls
