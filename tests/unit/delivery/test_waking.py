"""Waiting readers are woken for their own news, each time, and with rights applied first."""

import random
import threading
from collections.abc import Sequence
from functools import partial

import pytest

from chat.delivery import Waiter
from chat.delivery.notifier import Notifier
from chat.models import Event, StoredMessage
from chat.services import Services
from chat.services.messages import Draft
from chat.services.pulls import ANSWER_MAX_BYTES, News, PullReader, resolve
from chat.services.readers import Sources
from tests.conftest import sign_up
from tests.database import bus_of, store_of
from tests.unit.delivery.conftest import LOBBY, tail, texts

pytestmark = pytest.mark.both_databases


def test_readers_and_writers_in_threads_with_publishing_shuffled(services: Services) -> None:
    actors = [sign_up(services, f"pupil {n}") for n in range(4)]
    publish = services.hub.publish
    late: list[threading.Timer] = []

    def shuffled(events: Sequence[Event]) -> None:
        timer = threading.Timer(random.random() * 0.01, publish, (list(events),))
        late.append(timer)
        timer.start()

    store_of(services).listeners[:] = [shuffled]
    total = 4 * 25
    got: list[list[str]] = [[] for _ in range(3)]

    def read(mine: list[str]) -> None:
        cursor = 0
        woken = threading.Event()
        waiter = Waiter([("room", LOBBY)], woken.set)
        services.hub.notifier.register(waiter, most=100)
        while len(mine) < total:
            new = services.hub.feeds.since(LOBBY, cursor, 7)
            mine += texts(new)
            cursor = new[-1].time if new else cursor
            if not new:
                assert woken.wait(10)
                woken.clear()
        services.hub.notifier.unregister(waiter)

    def write(actor) -> None:
        for number in range(25):
            services.messages.send(actor, "public", Draft(text=f"{actor.user_id}-{number}"))

    threads = [threading.Thread(target=read, args=(mine,)) for mine in got]
    threads += [threading.Thread(target=write, args=(actor,)) for actor in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    for timer in late:
        timer.join()
    stored = texts(services.messages.history(actors[0], "public", None, 500))
    assert got == [stored] * 3
    assert len(set(stored)) == total


def test_waiters_are_called_for_their_keys_only() -> None:
    notifier, calls = Notifier(), []
    one = Waiter([("room", 1), ("user", 1)], lambda: calls.append("one"))
    two = Waiter([("room", 2), ("user", 1)], lambda: calls.append("two"))
    for waiter in (one, two):
        notifier.register(waiter, most=10)
    notifier.wake(("room", 1))
    assert (calls, one.recheck, two.recheck) == (["one"], False, False)
    notifier.wake(("user", 1), recheck=True)
    assert (sorted(calls), one.recheck, two.recheck) == (["one", "one", "two"], True, True)
    notifier.unregister(one)
    notifier.unregister(one)
    notifier.wake(("room", 1))
    assert len(calls) == 3
    notifier.unregister(two)
    assert (len(notifier), dict(notifier._by_key)) == (0, {})


def test_where_too_many_wait_the_oldest_answers() -> None:
    notifier = Notifier()
    calls: list[int] = []
    waiters = [Waiter([("room", 1)], partial(calls.append, n)) for n in range(5)]
    for waiter in waiters[:3]:
        notifier.register(waiter, most=3)
    assert calls == []
    notifier.register(waiters[3], most=3)
    notifier.register(waiters[4], most=3)
    assert calls == [0, 1]  # although the first has not ended yet
    assert [waiter.expired for waiter in waiters] == [True, True, False, False, False]


def test_stopping_answers_all_waiters_and_accepts_no_more() -> None:
    notifier, calls = Notifier(), []
    early, late = Waiter([("room", 1)], lambda: calls.append("early")), Waiter([("room", 1)], lambda: None)
    notifier.register(early, most=10)
    notifier.stop()
    notifier.register(late, most=10)
    assert calls == ["early"]
    assert early.expired
    assert late.expired


def test_rights_are_applied_before_messages(services: Services, other: Services) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    services.rooms.create(alice, "club", "public", "")
    services.memberships.join(bob, "club", "")
    reader, _ = other.pulls.since(bob, {"club": 0}, 10)
    seen: list[bool] = []
    waiter = Waiter(reader.position.keys(bob), lambda: seen.append(waiter.recheck))
    other.hub.notifier.register(waiter, most=10)
    services.messages.send(alice, "club", Draft(text="while bob is in"))
    services.memberships.leave(bob, "club")
    services.messages.send(alice, "club", Draft(text="behind his back"))
    bus = bus_of(other)
    bus.read_events()
    assert seen[0] is True
    news = reader.find_again()
    assert (news.rooms, news.missing) == ({}, ["club"])


def test_messages_after_leaving_are_in_no_answer(services: Services) -> None:
    """However the leaving and the message fall between the steps of a look."""
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    services.rooms.create(alice, "club", "public", "")
    services.memberships.join(bob, "club", "")
    services.pulls.since(bob, {"club": 0}, 10)  # memory knows the room from here on
    sources = Sources(services.store, services.hub, services.sessions, services.presence)
    seen_in, until, _ = resolve(sources, bob, {"club": 0}, 10, changes=False)
    services.messages.send(alice, "club", Draft(text="behind his back"))
    services.memberships.leave(bob, "club")
    services.messages.send(alice, "club", Draft(text="behind his back"))
    assert PullReader(sources, bob, seen_in).up_to(until).count == 0  # resolved while he was in


def test_an_answers_size_is_reckoned_while_it_is_gathered() -> None:
    news = News()
    picture = StoredMessage(1, 1, 1, 1, "a", "a", "", None, "", "x", ANSWER_MAX_BYTES, None, None)  # type: ignore[arg-type]
    full = []
    for name, messages in (("a", []), ("b", [picture])):
        news.add(name, messages)
        full.append(news.is_full)
    assert full == [False, True]
    assert news.count == 1


def test_known_news_wakes_no_waiter(services: Services) -> None:
    alice = sign_up(services, "alice")
    bus = bus_of(services)
    bus.read_events()
    services.hub.feeds.since(LOBBY, 0, 10)
    woken: list[bool] = []
    services.hub.notifier.register(Waiter([("room", LOBBY)], lambda: woken.append(True)), most=10)
    services.messages.send(alice, "public", Draft(text="1"))
    bus.read_events()  # reads events that this process has published
    assert woken == [True]


def test_news_before_a_new_feeds_beginning_wakes_earlier_waiters(services: Services, other: Services) -> None:
    alice = sign_up(services, "alice")
    bus = bus_of(other)
    bus.read_events()
    woken: list[bool] = []
    other.hub.notifier.register(Waiter([("room", LOBBY)], lambda: woken.append(True)), most=10)
    sent = services.messages.send(alice, "public", Draft(text="1"))  # by another process
    # The room's feed had been dropped in favour of others; another reader opens it again.
    assert texts(other.hub.feeds.since(LOBBY, 0, 10)) == ["1"]
    assert tail(other.hub.feeds).floor == sent.time
    bus.read_events()
    assert woken == [True]


def test_a_failed_delivery_has_everybody_look_again(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = sign_up(services, "alice")
    waiter = Waiter([("user", alice.user_id)], lambda: None)
    services.hub.notifier.register(waiter, most=10)

    def fault(*_: object) -> None:
        raise RuntimeError("a mistake in a feed")

    monkeypatch.setattr(services.hub.feeds, "publish", fault)
    services.messages.send(alice, "public", Draft(text="stored"))
    assert waiter.recheck


def test_a_message_does_not_overtake_a_removal_that_was_not_heard_of(services: Services, other: Services) -> None:
    """Another process removed the member, and the news of it was lost."""
    olga, mia = sign_up(services, "olga"), sign_up(services, "mia")
    room = services.rooms.create(olga, "club", members=["mia"])
    other.messages.send(olga, room, Draft(text="to both"))
    reader, _ = other.pulls.since(mia, {"club": 0}, 10)
    seen: list[bool] = []
    waiter = Waiter(reader.position.keys(mia), lambda: seen.append(waiter.recheck))
    other.hub.notifier.register(waiter, most=10)
    services.groups.remove(olga, room, mia.user_id)
    other.messages.send(olga, room, Draft(text="behind her back"))
    assert seen
    assert all(seen)
    news = reader.find_again()
    assert (news.rooms, news.missing) == ({}, ["club"])
    seen.clear()
    waiter.recheck = False
    other.messages.send(olga, room, Draft(text="once is enough"))
    assert seen == [False]
