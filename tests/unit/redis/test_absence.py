"""Redis that is away: nobody waits for it, and limits of guessing go on by the database."""

import logging
import socket
import threading
import time

import pytest

from chat.backends.redis import connections
from chat.backends.redis import link as link_module
from chat.backends.redis.buckets import RedisBuckets
from chat.backends.redis.connections import Patience
from chat.backends.redis.link import Link
from chat.errors import ErrorCode
from chat.ports import SharedAwayError
from chat.security.limits import FAILED_LOGINS, FAILED_LOGINS_BY_ADDRESS
from chat.services import Services
from chat.services.buckets import SqlBuckets
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.real_server import wait_until
from tests.redis import PrivateRedis
from tests.relay import Relay
from tests.unit.redis.conftest import ADDRESS, FEW, refusal


def test_without_redis_messages_go_on_and_guessing_is_limited_by_the_database(
    server: PrivateRedis, two: tuple[Services, Services]
) -> None:
    one, other = two
    alice = sign_up(one, "alice")
    server.kill()
    for services in two:
        services.messages.send(alice, "public", Draft(text="x"))
    for n in range(FAILED_LOGINS.burst):
        error = refusal(lambda n=n: (one, other)[n % 2].accounts.log_in("alice", "wrong", ADDRESS))  # type: ignore[misc]
        assert error.code is ErrorCode.CREDENTIALS_WRONG
    assert refusal(lambda: other.accounts.log_in("alice", "secret1", ADDRESS)).code is ErrorCode.RATE_LIMITED


def test_a_guess_is_forgiven_where_it_was_counted(server: PrivateRedis, two: tuple[Services, Services]) -> None:
    one, _ = two
    takes = [(FAILED_LOGINS_BY_ADDRESS, ADDRESS, 5)]
    undo = one.limits.take_each(takes)
    server.kill()
    undo()  # it went with Redis
    undo = one.limits.take_each(takes)
    assert not one.limits.is_full(FAILED_LOGINS_BY_ADDRESS, ADDRESS)
    server.start()
    undo()
    assert SqlBuckets(one.store, one.clock).is_full(FAILED_LOGINS_BY_ADDRESS, ADDRESS)


def test_nobody_waits_for_a_redis_that_has_frozen(server: PrivateRedis, link: Link) -> None:
    taken = RedisBuckets(link, "p")
    taken.take([(FEW, "a", 1)])
    server.pause()
    try:
        for most in (0.5, 0.05, 0.05):  # the first one finds out
            began = time.monotonic()
            with pytest.raises(SharedAwayError):
                taken.take([(FEW, "a", 1)])
            assert time.monotonic() - began < most
    finally:
        server.go_on()


def test_nobody_waits_for_the_look_up_of_a_name(server: PrivateRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that is silent holds getaddrinfo for seconds; attempts do not pile up meanwhile."""
    answers = threading.Event()
    asked: list[object] = []
    look_up = socket.getaddrinfo

    def slow(*given: object, **more: object) -> object:
        asked.append(given)
        assert answers.wait(60)
        return look_up(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(connections, "_MOST_LATE", 2)
    relay = Relay(server.url.removeprefix("unix://"))
    link = Link(f"redis://localhost:{relay.port}/0")
    try:
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(SharedAwayError):
                link.attempt(lambda redis: redis.ping())
        assert time.monotonic() - began < 20
        assert len(asked) == 2
        answers.set()
        wait_until(lambda: link._patience._late == 0, "the late attempts have ended")
        assert link.attempt(lambda redis: redis.ping())
    finally:
        link.close()
        relay.stop()


def test_all_waits_of_a_command_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    patience = Patience(0.25)
    with patience.limited():
        assert patience.left() == 0.25
        now += 0.2
        assert patience.left() == pytest.approx(0.05)
        now += 0.2
        assert 0 < patience.left() < 0.01
    assert patience.left() == 0.25


def test_an_absence_is_logged_once_a_minute(
    server: PrivateRedis, link: Link, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.kill()
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            with pytest.raises(SharedAwayError):
                link.attempt(lambda redis: redis.ping())
        assert len(caplog.records) == 1
        monkeypatch.setattr(link_module, "LOG_EVERY_SECONDS", 0.0)
        with pytest.raises(SharedAwayError):
            link.attempt(lambda redis: redis.ping())
        assert len(caplog.records) == 2
        server.start()
        link.attempt(lambda redis: redis.ping())
    assert caplog.messages[-1] == "Redis answers again"
    assert link.run(lambda redis: redis.ping())
