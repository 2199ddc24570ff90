"""Edits and deletions in memory and from other processes."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from chat.delivery import Hub, Waiter
from chat.delivery.feed import Feeds
from chat.delivery.tail import MOST_MESSAGES
from chat.models import Actor, Event, StoredMessage
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.database import store_of
from tests.unit.delivery.conftest import LOBBY, tail, texts

pytestmark = pytest.mark.both_databases


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
    feeds.open_at([(LOBBY, 0, 0)])
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
        hub.feeds.open_at([(LOBBY, begin, 0)])
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
        hub.feeds.open_at([(LOBBY, sent[0].time, 0)])
        calls: list[str] = []
        for kind in ("room", "changes"):
            hub.notifier.register(Waiter([(kind, LOBBY)], partial(calls.append, kind)), most=10)
        hub.publish([first])
        later = {"changes"} if first is heard_of[message] else set()  # it has news of its own
        assert set(calls) | later == {"room", "changes"}, first


def test_more_changes_than_memory_holds(services: Services) -> None:
    feeds = services.hub.feeds
    feeds.open_at([(LOBBY, 0, 0)])
    alice, sent = club(services, "a", "b")
    for number in range(MOST_MESSAGES + 3):
        services.changes.edit(alice, LOBBY, sent[0].id, str(number))
    assert (len(tail(feeds).changes), tail(feeds).messages[0].content) == (MOST_MESSAGES, str(MOST_MESSAGES + 2))
    assert feeds.since_in_memory(LOBBY, 0, 10, changes=True) is None
    assert feeds.since_in_memory(LOBBY, 0, 10) == tail(feeds).messages
    assert len(feeds.since(LOBBY, 0, 500, changes=True)) == MOST_MESSAGES + 5
    fresh = Feeds(services.store, 10**7)
    fresh.open_at([(LOBBY, 0, 0)])
    fresh.catch_up(LOBBY, tail(feeds).end)
    assert tail(fresh)._replace(version=0) == tail(feeds)._replace(version=0)


def test_changes_are_no_newer_messages(services: Services) -> None:
    """Otherwise each look of a push reader would search the room until its next message."""
    feeds = services.hub.feeds
    assert feeds.newest(LOBBY) is None
    feeds.open_at([(LOBBY, 0, 0)])
    assert feeds.newest(LOBBY) == 0
    alice, sent = club(services, "a", "b")
    assert feeds.newest(LOBBY) == sent[1].time
    services.changes.edit(alice, LOBBY, sent[0].id, "c")
    assert feeds.newest(LOBBY) == sent[1].time < (feeds.end(LOBBY) or 0)
