"""Events of other processes, and of this one, which does not hear its own again."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Connection, create_engine, delete
from sqlalchemy.exc import IntegrityError

from chat.backends.sqlite import bus as bus_module
from chat.backends.sqlite.bus import SqliteBus
from chat.backends.sqlite.filewatch import Tick
from chat.backends.sqlite.store import Store
from chat.delivery import Waiter
from chat.models import Event, EventKind, EventRow, StoredMessage
from chat.services import Services
from chat.services.messages import Draft
from chat.storage import timeline
from tests.conftest import sign_up
from tests.database import bus_of, engine_of, store_of
from tests.real_server import wait_until
from tests.unit.delivery.conftest import LOBBY, tail, texts

pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize("how", ["inotify", "ticks"])
def test_the_bus_brings_events_of_other_processes(
    services: Services, other: Services, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "ticks":  # as on systems without inotify
        monkeypatch.setattr(bus_module, "watch", lambda _database: Tick())
    else:
        monkeypatch.setattr(bus_module, "LOOK_ANYWAY_SECONDS", 60.0)
    alice = sign_up(services, "alice")
    bus = bus_of(other)
    bus.start()
    try:
        woken = threading.Event()
        waiter = Waiter([("room", LOBBY), ("user", alice.user_id)], woken.set)
        other.hub.notifier.register(waiter, most=10)
        other.hub.feeds.since(LOBBY, 0, 10)
        sent = services.messages.send(alice, "public", Draft(text="over there"))
        assert woken.wait(5)
        assert not waiter.recheck
        assert tail(other.hub.feeds).end == sent.time
        assert texts(list(tail(other.hub.feeds).messages)) == ["over there"]
        woken.clear()
        services.sessions.close(alice)
        assert woken.wait(5)
        assert waiter.recheck
    finally:
        bus.stop()


@pytest.mark.sqlite_only
def test_a_bus_that_is_alone_sleeps_while_its_own_process_writes(
    services: Services, other: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "LOOK_ANYWAY_SECONDS", 60.0)
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    services.start()
    hub, signals = services.hub, Waiter([("user", bob.user_id)], lambda: None)
    signals.signals = []
    hub.notifier.register(signals, most=10)
    try:
        looks = set()
        for n in range(20):
            services.messages.send(alice, "public", Draft(text=str(n)))
            time.sleep(0.02)
            looks.add(hub.heard_at)
        assert len(looks) <= 5, "the few after its start"
        services.friends.request(alice, bob.user_id, "")
        wait_until(lambda: bool(signals.signals), "signals are handed on as they are read")
        # Another process writes once, without staying; then one stays.
        other.hub.feeds.since(LOBBY, 0, 10)
        hub.feeds.since(LOBBY, 0, 10)
        other.messages.send(alice, "public", Draft(text="from a command"))
        wait_until(lambda: "from a command" in texts(tail(hub.feeds).messages), "the one that stays hears of it")
        other.start()
        services.messages.send(bob, "public", Draft(text="hello"))
        wait_until(lambda: "hello" in texts(tail(other.hub.feeds).messages), "the new one hears")
        other.messages.send(bob, "public", Draft(text="hello back"))
        wait_until(lambda: "hello back" in texts(tail(hub.feeds).messages), "and is heard")
    finally:
        other.close()
        services.close()


@pytest.mark.sqlite_only
def test_messages_of_the_own_process_are_not_read_again(
    services: Services, other: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def logged(connection: Connection, last_id: int, limit: int) -> list[tuple[StoredMessage, int]]:
        found = timeline.logged(connection, last_id, limit)
        read.extend(message.content for message, _ in found)
        return found

    monkeypatch.setattr(bus_module, "timeline", SimpleNamespace(logged=logged))
    alice = sign_up(services, "alice")
    bus = bus_of(services)
    services.hub.feeds.since(LOBBY, 0, 10)
    services.messages.send(alice, "public", Draft(text="1, here"))
    services.messages.send(alice, "public", Draft(text="2, here"))
    bus.read_events()
    assert read == []
    services.messages.send(alice, "public", Draft(text="3, here"))
    other.messages.send(alice, "public", Draft(text="4, there"))
    services.messages.send(alice, "public", Draft(text="5, here"))
    bus.read_events()
    assert read == ["4, there", "5, here"]
    assert texts(list(tail(services.hub.feeds).messages)) == ["1, here", "2, here", "3, here", "4, there", "5, here"]
    services.messages.send(alice, "public", Draft(text="6, here"))
    bus.read_events()
    assert read == ["4, there", "5, here"]


@pytest.mark.sqlite_only
def test_one_database_by_two_names_is_one(services: Services, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "by another name.db"
    link.symlink_to(engine_of(services).url.database or "")
    other = Store(create_engine(f"sqlite:///{link}"), services.clock, 1.0)
    here = store_of(services)
    assert isinstance(here, Store)
    assert SqliteBus(other, services.hub)._database == SqliteBus(here, services.hub)._database


@pytest.mark.sqlite_only
def test_missed_events_make_everybody_look_again(
    services: Services, other: Services, caplog: pytest.LogCaptureFixture
) -> None:
    alice = sign_up(services, "alice")
    bus = bus_of(other)
    bus.read_events()
    waiter = Waiter([("user", 999)], lambda: None)
    other.hub.notifier.register(waiter, most=10)
    other.hub.feeds.since(LOBBY, 0, 10)
    services.messages.send(alice, "public", Draft(text="1"))
    for number in (1, 2):
        with services.store.write() as tx:
            tx.emit(Event(EventKind.ROOM, number))
        if number == 1:
            with services.store.write() as tx:
                tx.execute(delete(EventRow))
    services.messages.send(alice, "public", Draft(text="2"))
    bus.read_events()
    assert waiter.recheck
    assert "missed" in caplog.text
    assert texts(other.hub.feeds.since(LOBBY, 0, 10)) == ["1", "2"]


def test_the_bus_survives_a_fault(
    services: Services, other: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    alice = sign_up(services, "alice")
    bus = bus_of(other)
    bus.start()
    other.hub.feeds.since(LOBBY, 0, 10)
    with monkeypatch.context() as patch:

        def broken(_: object) -> None:
            raise RuntimeError("passing trouble")

        patch.setattr(other.hub, "publish", broken)
        services.messages.send(alice, "public", Draft(text="1"))
        wait_until(lambda: "passing trouble" in caplog.text, "the fault is logged")
    wait_until(lambda: len(tail(other.hub.feeds).messages) == 1, "it comes all the same")
    bus.stop()


def test_a_bus_brings_commits_of_other_processes_only(
    services: Services, other: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus = bus_of(services)
    alice = sign_up(services, "alice")
    bus.read_events()
    brought: list[Event] = []
    monkeypatch.setattr(services.hub, "publish", brought.extend)

    def rights() -> int:
        return sum(event.kind is EventKind.USER for event in brought)

    services.memberships.leave(alice, "public")
    assert rights() == 1, "at once, without the bus"
    bus.read_events()
    assert rights() == 1, "and not again"
    other.memberships.join(alice, "public", "")
    bus.read_events()
    assert rights() == 2


def test_an_event_that_was_not_committed_hides_no_event_with_its_id(services: Services) -> None:
    """SQLite gives out the number of a row again that was rolled back."""
    before = dict(store_of(services)._own)

    def write() -> None:
        with services.store.write() as tx:
            tx.emit(Event(EventKind.USER, 1))
            tx.emit(Event(EventKind.USER, None))  # type: ignore[arg-type]

    with pytest.raises(IntegrityError):
        write()
    assert store_of(services)._own == before
