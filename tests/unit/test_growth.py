"""What must not grow with the data: counts are bounded, lists are cut at the old end, queries use their index."""

import pytest
from sqlalchemy import select, text, update

from chat.errors import ChatError
from chat.models import Access, Membership, Message
from chat.services import Services
from chat.services.conversations import NewPreferences
from chat.services.message_queries import Filter
from chat.services.messages import Draft
from chat.services.paging import Page
from tests.conftest import FakeClock, sign_up


@pytest.fixture
def alice(services: Services):
    return sign_up(services, "alice")


@pytest.fixture
def bob(services: Services):
    return sign_up(services, "bob")


def say(services: Services, clock: FakeClock, actor, room, *texts: str) -> None:
    for each in texts:
        clock.advance(1)  # as the limit has it
        services.messages.send(actor, room, Draft(text=each))


def test_unread_is_counted_up_to_a_bound(services, clock, alice, bob) -> None:
    say(services, clock, bob, "public", *map(str, range(105)))
    say(services, clock, alice, "public", "mine")
    assert services.rooms.find(alice, unread=True)[0].unread == 100
    assert services.conversations.all(alice)[0].unread == 100
    assert services.conversations.preferences(alice, 1).unread == 105
    assert services.rooms.find(bob, unread=True)[0].unread == 1  # alice's alone


def test_unread_can_be_set_no_further_than_the_bound(services, clock, alice, bob, monkeypatch) -> None:
    monkeypatch.setattr("chat.services.conversations.UNREAD_REACH", 5)
    say(services, clock, bob, "public", *map(str, range(9)))
    services.conversations.set(alice, 1, NewPreferences(unread=10**9))
    assert services.conversations.preferences(alice, 1).unread == 5


def test_no_room_is_cut_from_a_subscription(services, alice, monkeypatch) -> None:
    monkeypatch.setattr("chat.services.paging.LIST_CAP", 2)
    made = [services.rooms.create_titled(alice, f"r{n}", access=Access.OPEN).id for n in range(6)]
    subscription = services.subscriptions.open(alice)
    assert all(map(subscription.room_name, made))
    services.messages.send(alice, made[-1], Draft(text="help"))
    assert [m.content for m in subscription.find() or []] == ["help"]
    subscription.close()


def test_messages_arriving_while_a_subscription_opens_are_not_missed(services, alice, monkeypatch) -> None:
    change = services.hub.notifier.change

    def say_first(waiter, keys) -> None:
        services.messages.send(alice, "public", Draft(text="between"))
        change(waiter, keys)

    monkeypatch.setattr(services.hub.notifier, "change", say_first)
    subscription = services.subscriptions.open(alice)
    assert [m.content for m in subscription.find() or []] == ["between"]
    subscription.close()


def test_a_pull_of_everything_is_bounded_as_a_whole(services, clock, alice, bob) -> None:
    for number in range(4):
        services.rooms.create(alice, f"r{number}")
        say(services, clock, alice, f"r{number}", *(f"{number} {n}" for n in range(5)))
    news = services.pulls.newest(alice, 3)
    said = {name: [message.content for message in found] for name, found in news.rooms.items()}
    assert said == {"r3": ["3 4"], "r2": ["2 4"], "r1": ["1 4"]}
    assert len(services.pulls.newest(alice, 8).rooms["r0"]) == 2  # an equal share


def test_a_pull_reads_no_more_messages_than_an_answer_holds(services, clock, alice, bob, monkeypatch) -> None:
    """The overhead of a message counts: thousands of rooms with short messages are gigabytes of records."""
    monkeypatch.setattr("chat.services.pulls.ANSWER_MAX_BYTES", 4 * 128)
    for number in range(4):
        services.rooms.create(alice, f"r{number}")
        say(services, clock, alice, f"r{number}", *"abcde")
    _, news = services.pulls.since(alice, {f"r{number}": 0 for number in range(4)}, 3)
    assert [len(found) for found in news.rooms.values()] == [3, 3, 0, 0]


def test_pages_of_rooms_have_all_of_them_once_newest_first(services, clock, alice) -> None:
    for number in range(5):
        clock.advance(1)
        services.rooms.create(alice, f"r{number}")
    say(services, clock, alice, "r1", "news")
    seen, after = [], ""
    while True:
        page = services.rooms.find(alice, Page(limit=2, after=after), unread=False)
        seen += [room.name for room in page]
        after = page.next
        if not after:
            break
    assert seen == ["r1", "r4", "r3", "r2", "r0", "public"]
    found = services.rooms.find(alice, Page(search="R1"), unread=False)
    assert [room.name for room in found] == ["r1"]


@pytest.mark.parametrize("after", ["x", "1", "1-2", "1-2-3-4", "9" * 30, "1-2-" + "9" * 19])
def test_an_invalid_position_is_refused(services, alice, after) -> None:
    with pytest.raises(ChatError):
        services.rooms.find(alice, Page(limit=2, after=after), unread=False)


def test_pages_of_members(services, alice, bob) -> None:
    first = services.memberships.members(alice, "public", Page(limit=1))
    second = services.memberships.members(alice, "public", Page(limit=1, after=first.next))
    assert [m.username for m in [*first, *second]] == ["alice", "bob"]
    assert not second.next
    assert [m.username for m in services.memberships.members(alice, "public", Page(search="BO"))] == ["bob"]


def test_a_search_looks_at_so_many_messages_and_says_where_to_go_on(services, clock, alice, monkeypatch) -> None:
    monkeypatch.setattr("chat.services.message_queries.SEARCH_REACH", 3)
    say(services, clock, alice, "public", "old needle", *map(str, range(5)))
    until, found = None, []
    for _ in range(3):
        part = services.message_queries.search(alice, 1, Filter(text="NEEDLE", until=until))
        found += part
        if not part.next:
            break
        until = int(part.next)
    assert [message.content for message in found] == ["old needle"]
    assert not services.message_queries.search(alice, 1, Filter(text="needle", until=until)).next


@pytest.mark.sqlite_only  # its plans
@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            "SELECT id FROM messages WHERE reply_to_id = 1 ORDER BY id DESC LIMIT 9",
            "reply_to_id",
        ),
        (
            "SELECT id FROM messages WHERE room_id = 1 AND type = 'file' ORDER BY time DESC",
            "ix_messages_files",
        ),
    ],
)
def test_queries_use_their_index(services, query, index) -> None:
    with services.store.read() as connection:
        plan = " ".join(row.detail for row in connection.execute(text(f"EXPLAIN QUERY PLAN {query}")))
    assert index in plan
    assert "TEMP B-TREE" not in plan


def test_deleted_and_own_messages_are_not_unread(services, clock, alice, bob) -> None:
    say(services, clock, bob, "public", "one", "two")
    with services.store.read() as connection:
        newest = connection.execute(select(Message.id).order_by(Message.id.desc()).limit(1)).scalar_one()
    services.changes.delete(bob, newest)
    with services.store.write() as tx:
        tx.execute(update(Membership).values(read_time=0))
    assert services.rooms.find(alice, unread=True)[0].unread == 1
    assert services.rooms.find(bob, unread=True)[0].unread == 0
