"""Events between processes, by notifications and by looking."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from chat.backends.postgresql import bus as bus_module
from chat.backends.postgresql.bus import PostgresBus
from chat.backends.postgresql.snapshot import Snapshot
from chat.delivery import Waiter
from chat.errors import ChatError
from chat.models import Event, EventKind
from chat.services import Services
from chat.services.messages import Draft
from tests import postgresql
from tests.conftest import run_in_threads, sign_up
from tests.database import bus_of, engine_of, execute, store_of, tracing
from tests.databases import direct_only, url_of
from tests.real_server import wait_until
from tests.sizes import size
from tests.unit.postgresql.conftest import LOBBY, end_connections

pytestmark = pytest.mark.postgresql_only


def test_a_snapshot_tells_committed_transactions() -> None:
    snapshot = Snapshot.parse("10:14:11,13")
    shown = [xid for xid in range(8, 16) if snapshot.shows(Event(EventKind.ROOM, 1, id=xid))]
    assert shown == [8, 9, 10, 12]
    assert Snapshot.parse("3:3:") == (3, 3, frozenset())


class Heard:
    """A listener that writes down what the bus brings."""

    def __init__(self) -> None:
        self.heard_at = 0.0
        self.times: list[int] = []
        self.came_at: dict[int, float] = {}  # by time
        self.resyncs = self.cuts = 0
        self.is_lost = False

    def heard(self, at: float) -> None:
        self.heard_at = at

    def lost(self) -> None:
        self.is_lost = True

    def publish(self, events: object) -> None:
        pass

    def signal(self, events: list[Event]) -> None:
        new = [event.time for event in events if event.kind is EventKind.ENTERED]
        self.times += new
        self.came_at |= dict.fromkeys(new, time.monotonic())

    def resync(self) -> None:
        self.resyncs += 1

    def cut_off(self) -> None:
        self.cuts += 1


@pytest.fixture
def listening(services: Services, home: Path) -> Iterator[tuple[PostgresBus, Heard]]:
    heard = Heard()
    store = store_of(services)
    bus = PostgresBus(store, heard, url_of(home))  # type: ignore[arg-type]
    bus.start()
    began = heard.heard_at
    wait_until(lambda: heard.heard_at > began, "the bus is connected")
    yield bus, heard
    bus.stop()


@pytest.mark.acceptance(4)
def test_each_event_comes_once_whatever_else_is_open(
    services: Services, listening: tuple[PostgresBus, Heard], figure: Callable[[str], None]
) -> None:
    """Writers that hold their transactions, roll back one in ten, and commit in another order than they began in."""
    writers, events = 6, size(40, 1667)
    committed: dict[int, float] = {}

    def write(number: int) -> None:
        chance = random.Random(number)
        for n in range(events):
            at = number * events + n
            try:
                with services.store.write() as tx:
                    tx.emit(Event(EventKind.ENTERED, LOBBY, at))
                    execute(tx, "SELECT pg_current_xact_id()")
                    time.sleep(chance.random() * 0.004)
                    if chance.random() < 0.1:
                        raise LookupError
            except LookupError:
                continue
            committed[at] = time.monotonic()

    with psycopg.connect(**{**postgresql.admin(), "autocommit": False}) as elsewhere:  # in another database
        elsewhere.execute("SELECT pg_current_xact_id()")  # holds the server's horizon
        ending = threading.Timer(5, elsewhere.rollback)
        ending.start()
        run_in_threads(*[lambda n=n: write(n) for n in range(writers)], timeout=300)
        heard = listening[1]
        wait_until(lambda: len(heard.times) >= len(committed), "all events have come")
        ending.cancel()
        ending.join()
    late = sorted(max(0.0, heard.came_at[at] - done) for at, done in committed.items())
    doubled = len(heard.times) - len(set(heard.times))
    p50, p99 = (1000 * late[int(len(late) * part)] for part in (0.5, 0.99))
    figure(f"{len(committed)} events: {len(set(committed) - set(heard.times))} missed, {doubled} doubled,"
           f" p50 {p50:.1f} ms, p99 {p99:.1f} ms")  # fmt: skip
    assert sorted(heard.times) == sorted(committed)


def test_events_come_without_notifications_too(
    services: Services, listening: tuple[PostgresBus, Heard], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As through a pooler, where LISTEN does nothing."""
    bus, heard = listening
    monkeypatch.setattr(bus_module, "DEAF_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(bus, "_hear", lambda _notification: None)
    bus._unheard_since = time.monotonic() - 1
    bus._ring()
    for n in range(3):
        with services.store.write() as tx:
            tx.emit(Event(EventKind.ENTERED, LOBBY, n))
        began = time.monotonic()
        wait_until(lambda n=n: n in heard.times, "it is found by looking", timeout=2)  # type: ignore[misc]
        assert time.monotonic() - began < bus_module.LOOK_ANYWAY_SECONDS * 0.8


@direct_only
def test_after_a_lost_connection_everybody_looks_again(
    services: Services, outside: psycopg.Connection, listening: tuple[PostgresBus, Heard]
) -> None:
    end_connections(outside)
    heard = listening[1]
    wait_until(lambda: heard.resyncs, "everybody looks again")
    services.store.dispose()
    with services.store.write() as tx:
        tx.emit(Event(EventKind.ENTERED, LOBBY, 7))
    wait_until(lambda: heard.times == [7], "and events come again")


@direct_only
def test_ids_of_events_that_come_again_after_a_crash_are_not_taken_for_own_ones(
    make_services: Callable[..., Services], outside: psycopg.Connection
) -> None:
    """As after a fail-over, or a restore of the server: ids start again at 1."""
    one, other = make_services(), make_services()
    one.rooms.ensure_lobby()
    alice, bob = sign_up(one, "alice"), sign_up(other, "bob")
    one.start()
    reader, _ = one.pulls.since(bob, {"public": 0}, 10)
    woken = threading.Event()
    reader.wake = woken.set
    reader.start(10)
    for _ in range(5):
        one.messages.send(alice, "public", Draft(text="before"))
    outside.execute("TRUNCATE events RESTART IDENTITY")
    other.store.dispose()
    end_connections(outside)
    wait_until(lambda: one.hub.holds_on, "the bus has noticed")
    wait_until(lambda: not one.hub.holds_on, "the bus is back")
    for n in range(3):
        reader.find_again()
        woken.clear()
        other.messages.send(bob, "public", Draft(text=f"after {n}"))
        assert woken.wait(10), n


@pytest.mark.acceptance(10)
def test_no_transaction_that_writes_notifies(services: Services) -> None:
    """NOTIFY makes all commits of the server wait for each other: it is sent outside, over the bus's connection."""
    alice = sign_up(services, "alice")
    services.store.dispose()
    run: list[str] = []
    with tracing(engine_of(services), run.append):
        services.start()
        for n in range(20):
            services.messages.send(alice, "public", Draft(text=str(n)))
        services.close()
    services.store.dispose()
    assert sum("INSERT INTO messages" in statement for statement in run) == 20
    assert not [statement for statement in run if "notify" in statement.lower()]


def test_many_commits_are_few_notifications(services: Services, outside: psycopg.Connection) -> None:
    alice = sign_up(services, "alice")
    services.start()
    try:
        outside.execute("LISTEN commonroom")
        began = time.monotonic()
        for n in range(50):
            services.messages.send(alice, "public", Draft(text=str(n)))
        most = (time.monotonic() - began) / bus_module.SPACING_SECONDS + 2
        outside.execute("SELECT pg_notify('commonroom', 'end')")
        heard = 0
        for notification in outside.notifies(timeout=5):
            if notification.payload == "end":
                break
            heard += 1
        assert 0 < heard <= most
    finally:
        services.close()


@direct_only
def test_a_command_notifies_of_all_commits_over_one_connection(
    services: Services, outside: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[psycopg.Connection] = []
    connect = psycopg.connect

    def noted(**parameters: Any) -> psycopg.Connection:
        opened.append(connect(**parameters))
        return opened[-1]

    alice = sign_up(services, "alice")
    outside.execute("LISTEN commonroom")
    monkeypatch.setattr(psycopg, "connect", noted)
    for n in range(5):
        services.messages.send(alice, "public", Draft(text=str(n)))
        assert len(list(outside.notifies(timeout=5, stop_after=1))) == 1
    assert len(opened) <= 1, "but for those of the pool, which is filled"
    end_connections(outside)
    with contextlib.suppress(ChatError):  # the pool's are lost too
        services.messages.send(alice, "public", Draft(text="lost"))
    services.messages.send(alice, "public", Draft(text="found"))
    assert len(list(outside.notifies(timeout=5, stop_after=1))) == 1


def test_a_member_who_was_put_out_elsewhere_is_asked_for_rights_before_what_came_after(
    services: Services, other: Services
) -> None:
    olga, mia = sign_up(services, "olga"), sign_up(services, "mia")
    room = services.rooms.create(olga, "club", members=["mia"])
    bus = bus_of(other)
    bus.read_events()
    reader, _ = other.pulls.since(mia, {"club": 0}, 10)
    waiter = Waiter(reader.position.keys(mia), lambda: None)
    other.hub.notifier.register(waiter, most=10)
    services.groups.remove(olga, room, mia.user_id)
    services.messages.send(olga, room, Draft(text="behind her back"))
    seen: list[bool] = []
    waiter.wake = lambda: seen.append(waiter.recheck)
    bus.read_events()
    assert seen
    assert all(seen)


@direct_only
def test_a_bus_that_waits_to_connect_again_stops_at_once(
    services: Services, home: Path, outside: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "RETRY_SECONDS", (30.0, 30.0))
    heard = Heard()
    bus = PostgresBus(store_of(services), heard, url_of(home))  # type: ignore[arg-type]
    bus.start()
    began = heard.heard_at
    wait_until(lambda: heard.heard_at > began, "the bus is connected")
    end_connections(outside)
    wait_until(lambda: heard.is_lost, "the bus has lost its connection")
    began = time.monotonic()
    bus.stop()
    assert time.monotonic() - began < 5
    assert "bus" not in {thread.name for thread in threading.enumerate()}
