"""Hints by which processes wake each other through Redis."""

import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from chat.backends.redis import hints as hints_module
from chat.backends.redis.hints import RedisHints
from chat.backends.redis.link import Link
from chat.models import Event, EventKind, MessageType, StoredMessage
from tests.real_server import wait_until
from tests.redis import PrivateRedis

ANY = (Event(EventKind.USER, 1),)


class Ear:
    """The hints of one process."""

    def __init__(self, server: PrivateRedis, prefix: str = "p", secret: str = "") -> None:
        self.link = Link(server.url)
        self.hints = RedisHints(self.link, prefix, secret)
        self.heard = self.failed = 0
        self.events: list[Event] = []
        self.hints.listen(self._hear, self._fail)
        self.hints.start()

    def _hear(self, events: Sequence[Event]) -> None:
        self.heard += 1
        self.events += events

    def _fail(self) -> None:
        self.failed += 1

    def stop(self) -> None:
        self.hints.stop()
        self.link.close()


@pytest.fixture
def ear(server: PrivateRedis) -> Iterator[Callable[..., Ear]]:
    made: list[Ear] = []

    def listen(prefix: str = "p", secret: str = "") -> Ear:
        made.append(Ear(server, prefix, secret))
        wait_until(lambda: made[-1].hints.is_live, "it hears itself")
        return made[-1]

    yield listen
    for each in made:
        each.stop()


def test_a_hint_reaches_the_other_processes_of_the_chat(ear: Callable[..., Ear]) -> None:
    one, other, foreign = ear(), ear(), ear("another chat")
    assert one.heard >= 1, "it looks when it has begun to listen"
    wait_until(lambda: one.hints.has_others and other.hints.has_others, "they know each other")
    time.sleep(0.1)  # the hints by which they greet
    heard, heard_by_other, heard_by_foreign = one.heard, other.heard, foreign.heard
    assert one.hints.send(ANY)
    wait_until(lambda: other.heard == heard_by_other + 1, "it is heard")
    assert (one.heard, foreign.heard) == (heard, heard_by_foreign)
    for _ in range(1000):
        one.hints.send(ANY)
    wait_until(lambda: other.heard > heard_by_other + 1, "bursts are heard")
    time.sleep(0.05)
    assert other.heard - heard_by_other < 50, "as a few"
    assert 0 <= one.hints.lag_seconds < 1


def test_a_hint_brings_messages_of_processes_with_the_same_secret_only(ear: Callable[..., Ear]) -> None:
    """Who only has access to Redis cannot put words into anybody's mouth."""
    message = StoredMessage(1, 1, 5, 1, "a", "a", "", MessageType.TEXT, "x", None, 0, None, None)
    sent = Event(EventKind.MESSAGE, 1, 5, message, 4, rights_version=2)
    one, other, stranger = ear(), ear(), ear(secret="another")
    wait_until(lambda: all(each.hints.has_others for each in (one, other, stranger)), "they know each other")
    heard = stranger.heard
    assert one.hints.send([sent])
    wait_until(lambda: other.events == [sent], "it has come")
    wait_until(lambda: stranger.heard > heard, "it is taken as a wish to look")
    assert stranger.events == []


def test_a_process_that_is_alone_sends_no_hints(
    server: PrivateRedis, ear: Callable[..., Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints_module, "DEAF_AFTER_SECONDS", 1.0)
    monkeypatch.setattr(hints_module, "BEAT_SECONDS", 0.1)
    one = ear()
    with server.client().pubsub() as subscriber:
        subscriber.psubscribe("*")

        others: list[Ear] = []  # they greet

        def told(seconds: float) -> list[str]:
            """The kinds of published messages."""
            end, kinds = time.monotonic() + seconds, []
            while time.monotonic() < end:
                message = subscriber.get_message(ignore_subscribe_messages=True, timeout=0.05)
                kinds += [message["data"][0]] if message else []
                assert not message or kinds[-1] != "b" or others or message["channel"] != "p:hints", "it wakes nobody"
            return kinds

        assert one.hints.send(ANY), "no other way is needed"
        assert set(told(0.3)) == {"b"}
        others.append(ear())
        wait_until(lambda: one.hints.has_others, "it knows the other one")
        told(0.3)
        assert one.hints.send(ANY)
        assert "h" in told(0.3)
        others[0].stop()
        wait_until(lambda: not one.hints.has_others, "it is alone again")
        told(0.1)
        assert one.hints.send(ANY)
        assert set(told(0.3)) == {"b"}


def test_a_deaf_process_says_so_and_listens_again(
    server: PrivateRedis, ear: Callable[..., Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen: no connection breaks, and still nothing is heard."""
    monkeypatch.setattr(hints_module, "DEAF_AFTER_SECONDS", 0.4)
    monkeypatch.setattr(hints_module, "BEAT_SECONDS", 0.1)
    one = ear()
    server.pause()
    try:
        assert one.hints.send(ANY) in (True, False)
        wait_until(lambda: one.failed and not one.hints.is_live, "it has noticed")
        assert not one.hints.send(ANY)
    finally:
        server.go_on()
    heard = one.heard
    wait_until(lambda: one.hints.is_live and one.link.is_up, "it hears itself again")
    assert one.heard > heard, "and looks for what it has missed"


def test_hints_come_back_after_a_restart(server: PrivateRedis, ear: Callable[..., Ear]) -> None:
    one, other = ear(), ear()
    server.kill()
    wait_until(lambda: not (one.hints.is_live or other.hints.is_live), "both notice")
    server.start()
    began = time.monotonic()
    wait_until(lambda: one.hints.is_live and other.hints.is_live, "both are back")
    assert time.monotonic() - began < 6
    heard = other.heard
    assert one.hints.send(ANY)
    wait_until(lambda: other.heard > heard, "hints go through again")
