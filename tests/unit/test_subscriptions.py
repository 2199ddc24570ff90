"""Subscriptions: nothing lost, nothing repeated, nothing from before joining or after leaving."""

import random
from collections.abc import Callable

import pytest
from sqlalchemy import update

from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Membership
from chat.services import Services
from chat.services.messages import Draft
from chat.services.subscriptions import Subscription
from tests.conftest import FakeClock, sign_up
from tests.database import bus_of

pytestmark = pytest.mark.both_databases


@pytest.fixture
def services(make_services: Callable[..., Services], clock: FakeClock) -> Services:
    """Without rate limits, as some tests send more than they allow."""
    made = make_services(clock, rate_limits=False)
    made.rooms.ensure_lobby()
    return made


@pytest.fixture
def alice(services: Services) -> Actor:
    return sign_up(services, "alice")


def send(services: Services, actor: Actor, room: str, text: str) -> None:
    services.messages.send(actor, room, Draft(text=text))


def take(subscription: Subscription, most: int = 100) -> list[str]:
    """As the loop does: from memory, and by the database where that is not enough or rights may have changed."""
    got = []
    subscription.most = most
    while True:
        found = subscription.find()
        if found is None:
            found = subscription.find_again()
        shown = [message.content for message in found if subscription.take(message)]
        got += shown
        if not found:
            return got


def test_a_ticket_is_followed_from_its_issue_on(services: Services, alice: Actor) -> None:
    bob = sign_up(services, "bob")
    send(services, alice, "public", "before")
    # one makes him a member again, the other finds him there
    tickets = [services.tickets.issue(bob, 1) for _ in range(2)]
    services.memberships.leave(bob, "public")
    said = ["in between"]
    send(services, alice, "public", said[0])
    services.hub.feeds.forget()
    for ticket in tickets:
        _, room_id, since = services.tickets.redeem(ticket)
        subscription = services.subscriptions.open(bob, room_id, since=since)
        assert take(subscription) == said
        said.append("after")
        send(services, alice, "public", said[-1])
        assert take(subscription) == said[-1:]
        subscription.close()


def test_from_now_on_each_once(services: Services, alice: Actor) -> None:
    send(services, alice, "public", "before")
    woken: list[bool] = []
    subscription = services.subscriptions.open(alice)
    subscription.wake = lambda: woken.append(True)
    assert take(subscription) == []
    for n in range(10):
        send(services, alice, "public", f"{n}")
    assert len(woken) == 10
    assert subscription.find() is not None
    assert take(subscription, most=3) == [f"{n}" for n in range(10)]
    assert take(subscription) == []
    subscription.close()
    assert len(services.hub.notifier) == 0
    send(services, alice, "public", "after")
    assert len(woken) == 10


def test_messages_before_the_first_look_are_found(services: Services, alice: Actor) -> None:
    services.rooms.create(alice, "club")
    send(services, alice, "club", "before")
    subscription = services.subscriptions.open(alice)
    send(services, alice, "club", "in between")
    services.rooms.create(alice, "later")
    send(services, alice, "later", "in a room of later")
    services.hub.feeds.forget()
    assert take(subscription) == ["in between", "in a room of later"]
    send(services, alice, "club", "after")
    assert take(subscription) == ["after"]
    subscription.close()


def test_it_is_found_in_memory_without_the_database(services: Services, alice: Actor) -> None:
    subscription = services.subscriptions.open(alice)
    send(services, alice, "public", "x")
    services.store.dispose()
    found = subscription.find()
    assert found is not None
    assert [message.content for message in found] == ["x"]


def test_rooms_joined_left_and_joined_again(services: Services, alice: Actor) -> None:
    bob = sign_up(services, "bob")
    services.rooms.create(alice, "club", "public", "")
    subscription = services.subscriptions.open(bob)
    got = []
    for round_ in range(3):
        send(services, alice, "club", "not for bob")
        services.memberships.join(bob, "club", "")
        send(services, alice, "club", f"{round_} a")
        if round_ != 1:  # in the second round it receives all events only at the end
            got += take(subscription)
        send(services, alice, "club", f"{round_} b")
        got += take(subscription) if round_ != 1 else []
        services.memberships.leave(bob, "club")
        send(services, alice, "club", "not for bob")
    got += take(subscription)
    assert got == ["0 a", "0 b", "2 a", "2 b"]
    assert subscription.room_name(1) == "public"


def test_a_look_that_began_before_the_leaving_shows_nothing_after_it(services: Services, alice: Actor) -> None:
    bob = sign_up(services, "bob")
    services.rooms.create(alice, "club", "public", "")
    services.memberships.join(bob, "club", "")
    subscription = services.subscriptions.open(bob)
    services.memberships.leave(bob, "club")
    send(services, alice, "club", "secret")
    found = subscription._in_memory()
    assert found  # memory does not know of rights
    assert subscription.recheck  # but this does
    assert take(subscription) == []


def test_put_out_between_the_two_readings_of_a_look(
    services: Services, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = sign_up(services, "bob")
    services.rooms.create(alice, "club", "public", "")
    services.memberships.join(bob, "club", "")
    subscription = services.subscriptions.open(bob)
    send(services, alice, "club", "while bob is in")
    resolve = subscription._resolve

    def resolve_and_leave() -> object:
        rows = resolve()
        services.memberships.leave(bob, "club")
        send(services, alice, "club", "secret")
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(Subscription, "_resolve", lambda *_: resolve_and_leave())
        found = subscription.find_again()
    assert [message.content for message in found] == ["while bob is in"]
    assert subscription.recheck


def test_an_item_found_twice_is_taken_once(services: Services, alice: Actor) -> None:
    subscription = services.subscriptions.open(alice)
    send(services, alice, "public", "x")
    found = (subscription.find() or []) + subscription.find_again()
    assert [subscription.take(message) for message in found] == [True, False]


def test_news_of_another_process(services: Services, other: Services, alice: Actor) -> None:
    bus = bus_of(other)
    bus.read_events()
    subscription = other.subscriptions.open(alice)
    for n in range(400):  # more than a feed holds
        send(services, alice, "public", f"{n}")
    bus.read_events()
    assert take(subscription, most=64) == [f"{n}" for n in range(400)]
    services.memberships.leave(alice, "public")
    bus.read_events()
    assert take(subscription) == []
    assert not subscription.room_name(1)


def test_missed_events_lose_nothing(services: Services, other: Services, alice: Actor) -> None:
    subscription = other.subscriptions.open(alice)
    send(services, alice, "public", "missed")
    other.hub.resync()
    assert take(subscription) == ["missed"]
    assert subscription.find() == [], "and the feed is there again"


def test_the_end_of_the_session(services: Services, alice: Actor) -> None:
    subscription = services.subscriptions.open(alice)
    services.sessions.close(alice)
    assert subscription.recheck
    for call in (lambda: subscription.find_again(), subscription.require_session):
        with pytest.raises(ChatError) as raised:
            call()
        assert raised.value.code is ErrorCode.NOT_SIGNED_IN
    subscription.close()
    with pytest.raises(ChatError):
        services.subscriptions.open(alice)
    assert len(services.hub.notifier) == 0
    assert services.presence.online([alice.user_id]) == set()


def test_one_room_only(services: Services, alice: Actor) -> None:
    services.rooms.create(alice, "club", "public", "")
    club = next(room.id for room in services.rooms.find(alice, unread=False) if room.name == "club")
    subscription = services.subscriptions.open(alice, club)
    send(services, alice, "public", "elsewhere")
    send(services, alice, "club", "here")
    assert take(subscription) == ["here"]
    assert (subscription.room_name(club), subscription.room_name(1)) == ("club", "")
    services.rooms.delete(alice, "club", "")
    assert subscription.recheck
    for make in (lambda: subscription.find_again(), lambda: services.subscriptions.open(alice, club)):
        with pytest.raises(ChatError) as raised:
            make()
        assert raised.value.code is ErrorCode.ROOM_NOT_FOUND


def test_messages_left_out(services: Services, alice: Actor) -> None:
    subscription = services.subscriptions.open(alice)
    first = services.messages.send(alice, "public", Draft(text="mine"))
    subscription.leave_out(first)
    send(services, alice, "public", "shown")
    assert take(subscription) == ["shown"]
    subscription.leave_out(first)  # once it is past
    assert not subscription._left_out


def test_a_read_mark_that_moves_changes_nothing_for_a_room_that_is_followed(services: Services, alice: Actor) -> None:
    subscription = services.subscriptions.open(alice)
    send(services, alice, "public", "1")
    assert take(subscription) == ["1"]
    with services.store.write() as tx:
        tx.execute(update(Membership).values(read_time=0))
    subscription.recheck = True
    assert take(subscription) == []


def test_closed_while_a_thread_looks(services: Services, alice: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    subscription = services.subscriptions.open(alice)
    services.rooms.create(alice, "club", "public", "")
    read = subscription._read

    def closing() -> list[object]:
        rows = read()
        if subscription.keys:
            subscription.close()
        return rows

    monkeypatch.setattr(Subscription, "_read", lambda _self: closing())
    subscription.find_again()
    assert dict(services.hub.notifier._by_key) == {}


@pytest.mark.sqlite_only  # many examples; the machine of tests/property runs on both
def test_any_order_of_sending_joining_leaving_and_looking(services: Services, other: Services, alice: Actor) -> None:
    """Compared with a model: messages sent while bob was a member, each once, in order; no others."""
    bob = sign_up(services, "bob")
    services.rooms.create(alice, "club", "public", "")
    rng = random.Random(7)
    for _ in range(15):
        is_in = rng.random() < 0.5
        (services.memberships.join(bob, "club", "") if is_in else None)
        bus = bus_of(other)
        bus.read_events()
        here = services.subscriptions.open(bob)
        there = other.subscriptions.open(bob)
        allowed: list[str] = []
        got: tuple[list[str], list[str]] = ([], [])
        for step in range(60):
            match rng.randrange(6):
                case 0 | 1:
                    send(services, alice, "club", f"{step}")
                    allowed += [f"{step}"] if is_in else []
                case 2:
                    (services.memberships.leave(bob, "club") if is_in else services.memberships.join(bob, "club", ""))
                    is_in = not is_in
                    # Leaving discards pending messages: look first, which keeps the model simple.
                    bus.read_events()
                    got[0].extend(take(here))
                    got[1].extend(take(there))
                case 3:
                    got[0].extend(take(here, most=rng.randrange(1, 5)))
                case 4:
                    bus.read_events()
                case 5:
                    got[1].extend(take(there, most=rng.randrange(1, 5)))
        bus.read_events()
        got[0].extend(take(here))
        got[1].extend(take(there))
        for each in got:
            assert each == [text for text in allowed if text in each], "in order, none twice, none forbidden"
        if is_in:
            services.memberships.leave(bob, "club")
        here.close()
        there.close()
