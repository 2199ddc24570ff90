"""Messages inside hints: other processes deliver them without reading them from the database."""

import json

import pytest

from chat.backends import hinted
from chat.backends.hinted import HINT_MAX_BYTES, Outbox, decode, encode, heard_events, joined
from chat.delivery import Waiter
from chat.models import Actor, Event, EventKind
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.database import engine_of, store_of, tracing

pytestmark = pytest.mark.both_databases
LOBBY = 1


@pytest.fixture
def alice(services: Services) -> Actor:
    return sign_up(services, "alice")


def sent(services: Services, actor: Actor, *texts: str, room: str | int = "public") -> list[list[Event]]:
    """Send these, and return the events of each commit."""
    found: list[list[Event]] = []
    store_of(services).on_commit(lambda events: found.append(list(events)))
    for text in texts:
        services.messages.send(actor, room, Draft(text=text))
    store_of(services).listeners.pop()
    return found


def hint(*commits: list[Event]) -> list[Event]:
    """The events as another process gets them."""
    outbox = Outbox()
    for commit in commits:
        outbox.add(commit)
    return [event for text in outbox.take() for event in decode(text)]


def test_a_hint_brings_the_stored_message(services: Services, alice: Actor) -> None:
    bob = sign_up(services, "bób 🙂")
    commits = sent(services, bob, 'to @alice\n"é"', "second")
    assert hint(*commits) == [event for (event,) in commits]
    stored = services.messages.history(alice, "public", None, 10)
    assert [event.message for event in hint(*commits)] == stored
    assert stored[0].mentions == ("alice",)


def test_other_events_and_long_messages_are_looked_for(services: Services, alice: Actor) -> None:
    ((short,), (long,)) = sent(services, alice, "short", "😀" * 1000)
    assert encode([short]) is not None
    for commit in ([long], [short, long], [Event(EventKind.USER, 1)], [Event(EventKind.MESSAGE, LOBBY, 5)]):
        assert encode(commit) is None
        outbox = Outbox()
        outbox.add([short])
        outbox.add(commit)
        assert outbox.take()[1:] == [""]
        assert outbox.take() == []


def test_hints_fit_into_a_notification(services: Services, alice: Actor) -> None:
    commits = sent(services, alice, *["é" * 300] * 12)
    outbox = Outbox()
    for commit in commits:
        outbox.add(commit)
    hints = outbox.take()
    assert 1 < len(hints) < 12
    assert max(len(text.encode()) for text in hints) <= HINT_MAX_BYTES
    assert [event.time for text in hints for event in decode(text)] == [event.time for (event,) in commits]


def test_of_too_many_messages_others_look(services: Services, alice: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hinted, "MOST_DUE", 3)
    (commit,) = sent(services, alice, "x")
    outbox = Outbox()
    for _ in range(1000):
        outbox.add(commit)
    assert outbox.take() == [""]


def test_hints_of_another_version_are_looked_for(services: Services, alice: Actor) -> None:
    (commit,) = sent(services, alice, "x")
    (text,) = joined(encode(commit) or [])
    assert len(heard_events(text)) == 1
    version, *values = json.loads(text)[0]
    for changed in (
        [[version + 1, *values]],
        [[version, *values, 1]],
        [[version, *values[:5]]],
        [[version]],
        [{"id": 1}],
        {"messages": [[version, *values]]},
        7,
    ):
        assert heard_events(json.dumps(changed)) == ()
    assert heard_events(text[:-5]) == ()


def test_a_hinted_message_is_delivered_without_a_statement(services: Services, other: Services, alice: Actor) -> None:
    other.hub.feeds.since(LOBBY, 0, 10)
    woken: list[bool] = []
    other.hub.notifier.register(Waiter([("room", LOBBY)], lambda: woken.append(True)), most=10)
    statements: list[str] = []
    engine_of(other).dispose()
    with tracing(engine_of(other), statements.append):
        commits = sent(services, alice, "1", "2")
        other.hub.publish(hint(*commits))
        assert [each.content for each in other.hub.feeds.since_in_memory(LOBBY, 0, 10) or ()] == ["1", "2"]
        assert statements == []
    assert woken


def test_lost_doubled_and_late_hints_change_nothing(services: Services, other: Services, alice: Actor) -> None:
    other.hub.feeds.since(LOBBY, 0, 10)
    one, two, three = sent(services, alice, "1", "2", "3")
    for commits in ((two,), (one,), (two, three), (three,)):
        other.hub.publish(hint(*commits))
    assert [each.content for each in other.hub.feeds.since_in_memory(LOBBY, 0, 10) or ()] == ["1", "2", "3"]


def test_a_hinted_message_does_not_overtake_a_removal(services: Services, other: Services, alice: Actor) -> None:
    """The removal's own hint was lost."""
    mia = sign_up(services, "mia")
    room = services.rooms.create(alice, "club", members=["mia"])
    reader, _ = other.pulls.since(mia, {"club": 0}, 10)
    other.hub.publish(hint(*sent(services, alice, "to both", room=room)))
    seen: list[bool] = []
    waiter = Waiter(reader.position.keys(mia), lambda: seen.append(waiter.recheck))
    other.hub.notifier.register(waiter, most=10)
    services.groups.remove(alice, room, mia.user_id)
    other.hub.publish(hint(*sent(services, alice, "behind her back", room=room)))
    assert seen
    assert all(seen)
    news = reader.find_again()
    assert (news.rooms, news.missing) == ({}, ["club"])
