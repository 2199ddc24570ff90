"""The newest messages of rooms in memory: none is lost or repeated, in any order of publishing."""

import itertools

import pytest
from sqlalchemy import delete

from chat.delivery.feed import Feeds
from chat.delivery.tail import MOST_MESSAGES
from chat.models import Message
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.unit.delivery.conftest import LOBBY, captured, tail, texts

pytestmark = pytest.mark.both_databases


def test_a_feed_takes_messages_in_every_order_of_publishing(services: Services) -> None:
    events = captured(services, ["1", "2", "3", "4"])
    for order in itertools.permutations(events):
        feeds = Feeds(services.store, max_bytes=10**6)
        feeds.open_at([(LOBBY, 0, 0)])  # a client waited before the first of them
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
    feeds.open_at([(LOBBY, 0, 0)])
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
    feeds.open_at([(LOBBY, 0, 0)])
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
