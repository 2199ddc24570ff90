"""Presence in rooms by sockets: the first arrival and the last departure are announced once over all processes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from chat.backends.transactions import WriteTransaction
from chat.delivery import Waiter
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, EventKind, Process, Visitor, VisitRow
from chat.services import Services
from chat.services import room_presence as visits_module
from chat.services.room_presence import ALIVE_FOR
from tests.conftest import FakeClock, sign_up
from tests.database import bus_of

pytestmark = pytest.mark.both_databases

LOBBY = 1


_VISITS = {EventKind.ENTERED, EventKind.LEFT}


class Witness:
    """Another client's view of the lobby, in its own process."""

    def __init__(self, services: Services) -> None:
        self.bus = bus_of(services)
        self.bus.read_events()
        self.waiter = Waiter([("room", LOBBY)], lambda: None)
        self.waiter.signals = []
        services.hub.notifier.register(self.waiter, most=100)

    def heard(self) -> list[tuple[EventKind, str]]:
        """Since the last time."""
        self.bus.read_events()
        signals = self.waiter.signals or []
        got = [(event.kind, Visitor.load(event.data).username) for event in signals if event.kind in _VISITS]
        signals.clear()
        return got


@pytest.fixture
def alice(services: Services) -> Actor:
    return sign_up(services, "alice")


CAME, WENT = (EventKind.ENTERED, "alice"), (EventKind.LEFT, "alice")


def test_the_first_and_the_last_over_two_processes(services: Services, other: Services, alice: Actor) -> None:
    witnesses = Witness(services), Witness(other)

    def heard() -> list[tuple[EventKind, str]]:
        one, two = (witness.heard() for witness in witnesses)
        assert one == two
        return one

    first = services.room_presence.enter(alice, LOBBY)
    assert heard() == [CAME]
    second, third = other.room_presence.enter(alice, LOBBY), services.room_presence.enter(alice, LOBBY)
    services.room_presence.leave(first)
    other.room_presence.leave(second)
    other.room_presence.leave(second)
    assert heard() == []
    services.room_presence.leave(third)
    assert heard() == [WENT]


def test_signals_are_heard_once_each_though_many_at_once(services: Services, alice: Actor) -> None:
    witness = Witness(services)
    for _ in range(3):
        services.room_presence.leave(services.room_presence.enter(alice, LOBBY))
    assert witness.heard() == [CAME, WENT] * 3
    assert witness.heard() == []


def test_many_may_be_the_first_of_a_process_at_once(services: Services, alice: Actor) -> None:
    witness, together = Witness(services), threading.Barrier(8)

    def enter(_: int) -> None:
        together.wait()
        services.room_presence.enter(alice, LOBBY)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(enter, range(8)))
    assert witness.heard() == [CAME]
    with services.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(Process)).scalar() == 1
        assert connection.execute(select(func.count()).select_from(VisitRow)).scalar() == 8


def test_a_process_that_dies(services: Services, other: Services, alice: Actor, clock: FakeClock) -> None:
    witness = Witness(services)
    bob = sign_up(services, "bob")
    other.room_presence.enter(alice, LOBBY)
    other.room_presence.enter(bob, LOBBY)
    here = services.room_presence.enter(bob, LOBBY)
    witness.heard()
    clock.advance(ALIVE_FOR / 2 / 1_000_000)
    services.room_presence.beat()
    assert witness.heard() == []
    clock.advance(ALIVE_FOR / 2 / 1_000_000 + 1)
    services.room_presence.beat()
    assert witness.heard() == [WENT], "bob is here by another socket"
    with services.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(Process)).scalar() == 1
    services.room_presence.leave(here)
    assert witness.heard() == [(EventKind.LEFT, "bob")]


def test_one_that_was_only_held_up_comes_back(
    services: Services, other: Services, alice: Actor, clock: FakeClock
) -> None:
    witness = Witness(services)
    visit = other.room_presence.enter(alice, LOBBY)
    clock.advance(ALIVE_FOR / 1_000_000 + 1)
    services.room_presence.beat()
    assert witness.heard() == [CAME, WENT]
    other.room_presence.beat()
    assert witness.heard() == [CAME]
    other.room_presence.leave(visit)
    assert witness.heard() == [WENT]


def test_one_that_was_held_up_comes_back_with_the_first_to_enter_it(
    services: Services, other: Services, alice: Actor, clock: FakeClock
) -> None:
    """A laptop that slept: a reconnecting socket may be faster than the next heartbeat."""
    witness = Witness(services)
    bob = sign_up(services, "bob")
    visit = other.room_presence.enter(alice, LOBBY)
    clock.advance(ALIVE_FOR / 1_000_000 + 1)
    services.room_presence.beat()
    assert witness.heard() == [CAME, WENT]
    other.room_presence.enter(bob, LOBBY)
    assert set(witness.heard()) == {CAME, (EventKind.ENTERED, "bob")}
    other.room_presence.leave(visit)
    assert witness.heard() == [WENT]


def test_one_that_leaves_while_it_is_brought_back(
    services: Services, other: Services, alice: Actor, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = Witness(services)
    visit = other.room_presence.enter(alice, LOBBY)
    clock.advance(ALIVE_FOR / 1_000_000 + 1)
    services.room_presence.beat()
    write = other.store.write

    def leave_first() -> object:
        monkeypatch.setattr(other.store, "write", write)
        other.room_presence.leave(visit)  # the other thread has its turn before
        return write()

    monkeypatch.setattr(other.store, "write", leave_first)
    other.room_presence.beat()
    assert witness.heard() == [CAME, WENT]


@pytest.mark.sqlite_only
def test_a_visit_that_could_not_be_restored_ends_no_other_visit(
    services: Services, other: Services, alice: Actor, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of a row that was not committed is given out again."""
    bob, carol = sign_up(services, "bob"), sign_up(services, "carol")
    visit = other.room_presence.enter(alice, LOBBY)
    clock.advance(ALIVE_FOR / 1_000_000 + 1)
    services.room_presence.beat()
    real = visits_module._is_there

    def fail_for_bob(tx: WriteTransaction, room_id: int, user_id: int) -> bool:
        if user_id == bob.user_id:
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=2)
        return real(tx, room_id, user_id)

    with monkeypatch.context() as patch:
        patch.setattr(visits_module, "_is_there", fail_for_bob)
        with pytest.raises(ChatError):
            other.room_presence.enter(bob, LOBBY)
    carols = services.room_presence.enter(carol, LOBBY)
    assert carols.row_id == visit.row_id
    other.room_presence.leave(visit)
    witness = Witness(services)
    services.room_presence.leave(carols)
    assert witness.heard() == [(EventKind.LEFT, "carol")]


def test_a_process_that_stops(services: Services, other: Services, alice: Actor) -> None:
    witness = Witness(services)
    other.room_presence.enter(alice, LOBBY)
    other.room_presence.end()
    assert witness.heard() == [CAME, WENT]
    services.room_presence.end()  # which has none


def test_leaving_is_written_later_where_it_cannot_be_now(
    services: Services, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = Witness(services)
    visit = services.room_presence.enter(alice, LOBBY)
    with monkeypatch.context() as patch:

        def busy() -> object:
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=2)

        patch.setattr(services.store, "write", busy)
        with pytest.raises(ChatError):
            services.room_presence.leave(visit)
    services.room_presence.beat()
    assert witness.heard() == [CAME, WENT]
    with services.store.read() as connection:
        assert connection.execute(select(func.count()).select_from(VisitRow)).scalar() == 0


def test_earlier_signals_do_not_reach_a_new_reader(services: Services, alice: Actor) -> None:
    bus = bus_of(services)
    services.room_presence.enter(alice, LOBBY)
    subscription = services.subscriptions.open(sign_up(services, "bob"), signals=True)
    services.room_presence.enter(sign_up(services, "carol"), LOBBY)
    bus.read_events()
    told = [event for event in subscription.signals or [] if event.kind in _VISITS]
    heard = [Visitor.load(event.data).username for event in told if subscription.concerns(event)]
    assert heard == ["carol"]
