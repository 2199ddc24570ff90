"""Cached sessions and their invalidation."""

import threading
import time

import pytest
from sqlalchemy import event

from chat.models import Actor
from chat.services import Services
from chat.services import sessions as sessions_module
from tests.conftest import FakeClock, sign_up
from tests.database import engine_of


def resolve(services: Services, actor: Actor) -> tuple[Actor | None, int]:
    """Return the result and the number of statements."""
    statements: list[str] = []

    def count(*args: object) -> None:
        statements.append(str(args[2]))

    event.listen(engine_of(services), "before_cursor_execute", count)
    found = services.sessions.resolve(actor.session_id, actor.user_id)
    event.remove(engine_of(services), "before_cursor_execute", count)
    return found, len(statements)


def hear(services: Services) -> None:
    services.hub.heard(time.monotonic())


def test_remembered_while_the_bus_brings_news(services: Services) -> None:
    alice = sign_up(services, "alice")
    assert resolve(services, alice) == (alice, 1)
    assert resolve(services, alice) == (alice, 1)  # no events of other processes arrive
    hear(services)
    assert resolve(services, alice) == (alice, 1)
    assert resolve(services, alice) == (alice, 0)
    services.hub.heard(services.hub.heard_at - 5)
    assert resolve(services, alice) == (alice, 1)


def test_the_cache_is_bounded(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "MOST_OF_USER", 3)
    alice = sign_up(services, "alice")
    hear(services)
    for _ in range(10):
        session = services.sessions.open(alice.user_id)
        assert services.sessions.resolve(session.id, alice.user_id) is not None
        assert len(services.sessions._known[alice.user_id]) <= 3


def test_a_logout_is_known_at_once(services: Services) -> None:
    alice = sign_up(services, "alice")
    hear(services)
    resolve(services, alice)
    services.sessions.close(alice)
    assert resolve(services, alice) == (None, 1)


def test_a_logout_elsewhere_is_known_with_the_next_news(services: Services, other: Services) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    other.bus.start()
    try:
        deadline = time.monotonic() + 10
        while not other.hub.is_current() and time.monotonic() < deadline:
            time.sleep(0.01)
        resolve(other, alice)
        resolve(other, bob)
        services.sessions.close(alice)
        while resolve(other, alice)[0] is not None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert resolve(other, bob)[0] == bob
    finally:
        other.bus.stop()


def test_it_ends_by_the_clock(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    hear(services)
    resolve(services, alice)
    clock.advance(25 * 3600)
    assert resolve(services, alice) == (None, 0)


def test_another_user_id_is_not_resolved(services: Services) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    hear(services)
    for _ in range(2):
        assert resolve(services, alice)[0] == alice
        assert services.sessions.resolve(alice.session_id, bob.user_id) is None


def test_a_session_ended_while_being_read_is_not_cached(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = sign_up(services, "alice")
    hear(services)
    read, closed = threading.Event(), threading.Event()
    resolve_within = services.sessions.resolve_within

    def slowly(*args: object) -> Actor | None:
        found = resolve_within(*args)  # type: ignore[arg-type]
        read.set()
        closed.wait(10)
        return found

    monkeypatch.setattr(services.sessions, "resolve_within", slowly)
    thread = threading.Thread(target=services.sessions.resolve, args=(alice.session_id, alice.user_id))
    thread.start()
    assert read.wait(10)
    monkeypatch.undo()
    services.sessions.close(alice)
    closed.set()
    thread.join()
    assert services.sessions.resolve(alice.session_id, alice.user_id) is None


def test_no_more_are_remembered_than_there_is_room_for(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.services.sessions.MOST_KNOWN", 3)
    hear(services)
    for actor in [sign_up(services, f"user{n}") for n in range(10)]:
        assert resolve(services, actor) == (actor, 1)
        assert len(services.sessions._known) <= 3
