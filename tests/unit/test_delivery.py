"""Notifier, feed and bus: nothing is lost or repeated, in any order of events."""

import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import create_engine, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from chat.backends.sqlite import bus as bus_module
from chat.backends.sqlite.bus import SqliteBus
from chat.backends.sqlite.filewatch import Tick
from chat.backends.sqlite.store import Store
from chat.delivery import Hub, Waiter
from chat.delivery.feed import Feeds
from chat.delivery.notifier import Notifier
from chat.delivery.tail import MOST_MESSAGES, Tail
from chat.models import Actor, Event, EventKind, EventRow, Message, StoredMessage
from chat.ports import WriteTransaction
from chat.services import Services, housekeeping
from chat.services.messages import Draft
from chat.services.pulls import ANSWER_MAX_BYTES, News, PullReader, resolve
from tests.conftest import FakeClock, sign_up
from tests.database import bus_of, engine_of, store_of
from tests.real_server import wait_until

pytestmark = pytest.mark.both_databases

LOBBY = 1


@pytest.fixture
def services(make_services: Callable[..., Services], clock: FakeClock) -> Services:
    """Without rate limits, as most tests here send more than they allow."""
    made: Services = make_services(clock, rate_limits=False)
    made.rooms.ensure_lobby()
    return made


def captured(services: Services, texts: list[str]) -> list[Event]:
    """The events of sending these, stored but not published."""
    events: list[Event] = []
    alice = sign_up(services, f"sender {random.random()}")
    store_of(services).listeners[:] = [events.extend]
    for text in texts:
        services.messages.send(alice, "public", Draft(text=text))
    store_of(services).listeners.clear()
    return events


def tail(feeds: Feeds) -> Tail:
    """Return the tail of the lobby's feed."""
    found = feeds._use(LOBBY).tail
    assert found is not None
    return found


def texts(messages: Sequence[StoredMessage]) -> list[str]:
    return [message.content for message in messages]


def test_a_feed_takes_messages_in_every_order_of_publishing(services: Services) -> None:
    events = captured(services, ["1", "2", "3", "4"])
    for order in itertools.permutations(events):
        feeds = Feeds(services.store, max_bytes=10**6)
        feeds._use(LOBBY).open(0)  # a client waited before the first of them
        cursor, got = 0, []
        for event in order:
            assert event.message is not None
            feeds.publish(event.message, event.prev_time)
            feeds.publish(event.message, event.prev_time)
            new = feeds.since(LOBBY, cursor, 100)
            got += texts(new)
            cursor = new[-1].time if new else cursor
        assert got == ["1", "2", "3", "4"], [e.time for e in order]


def test_catching_up_takes_the_range(services: Services) -> None:
    events = captured(services, ["1", "2", "3"])
    feeds = Feeds(services.store, max_bytes=10**6)
    feeds._use(LOBBY).open(0)
    feeds.catch_up(LOBBY, events[1].time)
    assert texts(feeds.since(LOBBY, 0, 100)) == ["1", "2"], "of later ones, who may read them is not known yet"
    feeds.catch_up(LOBBY, events[2].time)
    assert texts(feeds.since(LOBBY, events[0].time, 1)) == ["2"]


def test_a_feed_begins_where_the_room_is_and_older_cursors_ask_the_database(services: Services) -> None:
    events = captured(services, ["1", "2"])
    feeds = Feeds(services.store, max_bytes=10**6)
    assert texts(feeds.since(LOBBY, 0, 100)) == ["1", "2"]
    assert len(tail(feeds).messages) == 0
    more = captured(services, ["3"])[0]
    assert more.message is not None
    feeds.publish(more.message, more.prev_time)
    assert texts(feeds.since(LOBBY, events[1].time, 100)) == ["3"]
    assert texts(feeds.since(LOBBY, events[0].time, 100)) == ["2", "3"]


def test_a_feed_keeps_the_newest_and_starts_anew_where_too_much_lies_between(services: Services) -> None:
    events = captured(services, [str(n) for n in range(MOST_MESSAGES + 20)])
    feeds = Feeds(services.store, max_bytes=10**7)
    feed = feeds._use(LOBBY)
    feed.open(0)
    feeds.catch_up(LOBBY, events[-1].time)
    assert len(tail(feeds).messages) == MOST_MESSAGES
    assert texts(feeds.since(LOBBY, events[19].time, 500)) == [str(n) for n in range(20, MOST_MESSAGES + 20)]
    assert len(feeds.since(LOBBY, 0, 500)) == MOST_MESSAGES + 20  # from the database
    late = captured(services, ["late"])[0]
    assert late.message is not None
    feeds.publish(late.message, late.prev_time)
    assert (len(tail(feeds).messages), tail(feeds).messages[-1].content) == (MOST_MESSAGES, "late")


def test_feeds_stay_within_their_memory(services: Services) -> None:
    alice = sign_up(services, "alice")
    rooms = [f"room {n}" for n in range(20)]
    for room in rooms:
        services.rooms.create(alice, room, "public", "")
    feeds = services.hub.feeds = Feeds(services.store, max_bytes=200_000)
    ids = [r.id for r in services.rooms.find(alice, unread=False) if r.name in rooms]
    last = dict.fromkeys(ids, 0)
    for round_ in range(12):
        for room, room_id in zip(rooms, ids, strict=True):
            got = feeds.since(room_id, last[room_id], 100)
            last[room_id] = got[-1].time if got else last[room_id]
            services.messages.send(alice, room, Draft(text="x" * 2000))
            assert feeds.cost() <= 200_000
            assert feeds.cost() == sum(feed.counted for feed in feeds._feeds.values())
            assert len(feeds.since(room_id, last[room_id], 100)) == 1, round_


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
def test_one_database_by_two_names_is_one(services: Services, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "by another name.db"
    link.symlink_to(engine_of(services).url.database or "")
    other = Store(create_engine(f"sqlite:///{link}"), services.clock, 1.0)
    here = store_of(services)
    assert isinstance(here, Store)
    assert SqliteBus(other, services.hub)._database == SqliteBus(here, services.hub)._database


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
    seen_in, until, _ = resolve(services.pulls._sources, bob, {"club": 0}, 10, changes=False)
    services.messages.send(alice, "club", Draft(text="behind his back"))
    services.memberships.leave(bob, "club")
    services.messages.send(alice, "club", Draft(text="behind his back"))
    assert PullReader(services.pulls._sources, bob, seen_in).up_to(until).count == 0  # resolved while he was in


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


def test_the_version_of_rooms_changes_with_each_of_them_in_any_order(services: Services) -> None:
    """Two threads change two feeds: the one that took its number first may be the last to be seen."""
    feeds = Feeds(services.store, max_bytes=10**6)
    one, two = feeds._use(1), feeds._use(2)
    early, late = one.open(10), one.open(11)
    one.tail = early
    two.open(10)
    seen = feeds.version([1, 2])
    one.tail = late
    assert feeds.version([1, 2]) != seen


def test_a_gap_that_the_database_finds_empty_is_in_memory_from_then_on(services: Services) -> None:
    """After deletions, waiting clients must not query the database again and again."""
    events = captured(services, ["1", "2", "3"])
    with services.store.write() as tx:
        tx.execute(delete(Message).where(Message.time == events[2].time))
    feeds = Feeds(services.store, max_bytes=10**6)
    cursor = events[1].time
    assert texts(feeds.since(LOBBY, 0, 1)) == ["1"]
    assert feeds.since_in_memory(LOBBY, cursor, 10) is None
    assert feeds.since(LOBBY, cursor, 10) == []
    assert feeds.since_in_memory(LOBBY, cursor, 10) == ()
    assert feeds.since_in_memory(LOBBY, events[0].time, 10) is None, "2 lies before"


def test_events_are_trimmed_by_the_wall_clock_but_for_the_newest(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    clock.advance(86400 * 365)
    services.messages.send(alice, "public", Draft(text="the room's clock is a year ahead now"))
    clock.advance(-86400 * 365)
    for _ in range(5):
        services.messages.send(alice, "public", Draft(text="x"))
    clock.advance(86400 * 366)

    def ids() -> list[int]:
        with services.store.read() as connection:
            return list(connection.execute(select(EventRow.id).order_by(EventRow.id)).scalars())

    newest = ids()[-1]
    services._housekeeper.trim_events()
    assert ids() == [newest]


def test_many_events_are_trimmed_in_small_transactions(
    services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = 2 * housekeeping.TRIM_ROWS + 10
    with services.store.write() as tx:
        rows = [{"kind": "message", "subject_id": 1, "time": n, "written_at": clock()} for n in range(many)]
        tx.execute(insert(EventRow), rows)
    clock.advance(3600)
    deleted: list[int] = []
    write = services.store.write

    @contextmanager
    def counting() -> Iterator[WriteTransaction]:
        with write() as tx:
            before = tx.execute(select(func.count()).select_from(EventRow)).scalar_one()
            yield tx
            deleted.append(before - tx.execute(select(func.count()).select_from(EventRow)).scalar_one())

    monkeypatch.setattr(services.store, "write", counting)
    services._housekeeper.trim_events()
    assert sum(deleted) >= many - 1
    assert max(deleted) <= housekeeping.TRIM_ROWS


def test_the_first_event_after_a_quiet_time_is_no_gap(
    services: Services, other: Services, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    alice = sign_up(services, "alice")
    clock.advance(3600)
    services._housekeeper.trim_events()
    bus = bus_of(other)
    bus.start()
    bus.stop()
    services.messages.send(alice, "public", Draft(text="x"))
    bus.read_events()
    assert "missed" not in caplog.text


def club(services: Services, *texts: str) -> tuple[Actor, list[StoredMessage]]:
    alice = sign_up(services, "alice")
    return alice, [services.messages.send(alice, "public", Draft(text=text)) for text in texts]


def timeline_of(feeds: Feeds, cursor: int = 0) -> list[tuple[str, str]]:
    found = feeds.since(LOBBY, cursor, 500, changes=True)
    return [("message" if isinstance(each, StoredMessage) else each.kind.value, each.content) for each in found]


CHANGED = [
    ("message", "A"), ("message", "c"), ("edited", "A"), ("deleted", ""), ("edited", "A"), ("message", "d"),
]  # fmt: skip


def change_them(services: Services, alice: Actor, sent: Sequence[StoredMessage]) -> None:
    services.changes.edit(alice, LOBBY, sent[0].id, "a, edited")
    services.changes.delete(alice, sent[1].id)
    services.changes.edit(alice, LOBBY, sent[0].id, "A")
    services.messages.send(alice, "public", Draft(text="d"))


def test_memory_shows_changes_as_the_database_does(services: Services) -> None:
    feeds = services.hub.feeds
    feeds._use(LOBBY).open(0)
    alice, sent = club(services, "a", "b", "c")
    change_them(services, alice, sent)
    in_memory = timeline_of(feeds)
    assert in_memory == [CHANGED[0], CHANGED[1], *CHANGED[2:]]
    assert texts(tail(feeds).messages) == ["A", "c", "d"]
    assert tail(feeds).messages[0].edited_at == tail(feeds).changes[-1].time
    feeds.forget()
    assert timeline_of(feeds) == in_memory


def test_changes_of_another_process_in_any_order(services: Services) -> None:
    alice, sent = club(services, "a", "b", "c")
    begin = sent[0].time - 1
    events: list[Event] = []
    store_of(services).listeners[:] = [events.extend]
    change_them(services, alice, sent)
    store_of(services).listeners.clear()
    heard = [replace(event, message=None, change=None) for event in events]
    for order in itertools.permutations(heard):
        hub = Hub(services.store, 10**6, lambda _user_id: None)
        hub.feeds._use(LOBBY).open(begin)
        hub.feeds.catch_up(LOBBY, sent[-1].time)
        for event in order:
            hub.publish([event])
            hub.publish([event])
        assert timeline_of(hub.feeds, begin) == CHANGED


def test_each_kind_of_news_wakes_its_waiters_however_it_is_fetched(services: Services) -> None:
    """News fetched together with other news also wakes its waiters."""
    alice, sent = club(services, "a")
    events: list[Event] = []
    store_of(services).listeners[:] = [events.extend]
    services.messages.send(alice, "public", Draft(text="b"))
    services.changes.edit(alice, LOBBY, sent[0].id, "A")
    store_of(services).listeners.clear()
    message, change = events
    heard_of = {event: replace(event, message=None, change=None) for event in events}
    for first in (change, heard_of[change], heard_of[message]):
        hub = Hub(services.store, 10**6, lambda _user_id: None)
        hub.feeds._use(LOBBY).open(sent[0].time)
        calls: list[str] = []
        for kind in ("room", "changes"):
            hub.notifier.register(Waiter([(kind, LOBBY)], partial(calls.append, kind)), most=10)
        hub.publish([first])
        later = {"changes"} if first is heard_of[message] else set()  # it has news of its own
        assert set(calls) | later == {"room", "changes"}, first


def test_more_changes_than_memory_holds(services: Services) -> None:
    feeds = services.hub.feeds
    feeds._use(LOBBY).open(0)
    alice, sent = club(services, "a", "b")
    for number in range(MOST_MESSAGES + 3):
        services.changes.edit(alice, LOBBY, sent[0].id, str(number))
    assert (len(tail(feeds).changes), tail(feeds).messages[0].content) == (MOST_MESSAGES, str(MOST_MESSAGES + 2))
    assert feeds.since_in_memory(LOBBY, 0, 10, changes=True) is None
    assert feeds.since_in_memory(LOBBY, 0, 10) == tail(feeds).messages
    assert len(feeds.since(LOBBY, 0, 500, changes=True)) == MOST_MESSAGES + 5
    fresh = Feeds(services.store, 10**7)
    fresh._use(LOBBY).open(0)
    fresh.catch_up(LOBBY, tail(feeds).end)
    assert tail(fresh)._replace(version=0) == tail(feeds)._replace(version=0)


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
