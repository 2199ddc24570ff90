"""Events of PostgreSQL that travel by hints of Redis."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest

from chat.delivery import Waiter
from chat.models import Event
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.databases import direct_only, url_of
from tests.real_server import wait_until
from tests.redis import PrivateRedis
from tests.sizes import size
from tests.unit.redis.conftest import hints_of

HINTED_MESSAGES = size(40, 1000)


@pytest.fixture
def running(server: PrivateRedis, make_services: Callable[..., Services]) -> tuple[Services, Services]:
    """Two processes with their threads, which hear each other through Redis."""
    one, other = (make_services(redis_url=server.url) for _ in range(2))
    for services in (one, other):
        services.start()
        wait_until(lambda services=services: hints_of(services).is_live, "it hears itself")  # type: ignore[misc]
    return one, other


def seconds_until_heard(sender: Services, reader: Services, text: str) -> float:
    """How long a message takes from one process to a waiter of the other one."""
    alice = sign_up(sender, f"alice {text}")
    bob = sign_up(reader, f"bob {text}")
    woken = threading.Event()
    pull, _ = reader.pulls.since(bob, {"public": sender.clock()}, 10)
    waiter = Waiter(pull.position.keys(bob), woken.set)
    reader.hub.notifier.register(waiter, most=10)
    began = time.monotonic()
    try:
        sender.messages.send(alice, "public", Draft(text=text))
        while True:
            assert woken.wait(10), "the message never came"
            woken.clear()
            if any(entry.content == text for entry in pull.find_again().rooms["public"]):
                return time.monotonic() - began
    finally:
        reader.hub.notifier.unregister(waiter)


@direct_only
@pytest.mark.postgresql_only
def test_events_travel_by_redis_and_without_it_by_notifications(
    server: PrivateRedis, running: tuple[Services, Services], home: Path
) -> None:
    one, other = running
    with psycopg.connect(url_of(home), autocommit=True) as outside:
        outside.execute("LISTEN commonroom")
        assert seconds_until_heard(one, other, "by Redis") < 2
        notified = [each.payload for each in outside.notifies(timeout=0.1)]  # each bus notifies once as it starts
        assert not any("by Redis" in payload for payload in notified), "PostgreSQL is left alone"
        server.kill()
        assert seconds_until_heard(one, other, "without") < 2
        assert list(outside.notifies(timeout=0.1))
    server.start()
    wait_until(lambda: hints_of(one).is_live and hints_of(other).is_live, "both are back")
    assert seconds_until_heard(other, one, "back again") < 2


@pytest.mark.postgresql_only
@pytest.mark.acceptance(5)
def test_lost_doubled_and_late_hints_cost_seconds_only(
    running: tuple[Services, Services], monkeypatch: pytest.MonkeyPatch, figure: Callable[[str], None]
) -> None:
    """Half of the hints are lost, a fifth come twice, all up to 3 s late: each message arrives once, in order."""
    one, other = running
    chance = random.Random(3)
    hear = other.bus._hinted  # type: ignore[attr-defined]

    def worse(events: Sequence[Event]) -> None:
        for _ in range(0 if chance.random() < 0.5 else 2 if chance.random() < 0.2 else 1):
            timer = threading.Timer(chance.uniform(0, 3), hear, [events])
            timer.daemon = True
            timer.start()

    monkeypatch.setattr(hints_of(other), "_heard", worse)
    alice, bob = sign_up(one, "alice"), sign_up(other, "bob")
    subscription = other.subscriptions.open(bob)
    wanted = [str(n) for n in range(HINTED_MESSAGES)]
    sent_at: dict[str, float] = {}
    got: list[str] = []
    latest = 0.0

    def send() -> None:
        for text in wanted:
            sent_at[text] = time.monotonic()
            one.messages.send(alice, "public", Draft(text=text))
            time.sleep(0.06)

    sending = threading.Thread(target=send)
    sending.start()
    deadline = time.monotonic() + 60 + HINTED_MESSAGES / 10
    while len(got) < len(wanted) and time.monotonic() < deadline:
        for message in subscription.find() or ():
            if subscription.take(message):
                got.append(message.content)
                latest = max(latest, time.monotonic() - sent_at[message.content])
        time.sleep(0.02)
    sending.join()
    subscription.close()
    figure(f"{len(wanted)} messages, hints lost, doubled and late: {len(got)} came, the latest after {latest:.2f} s")
    assert got == wanted
    assert latest < 5.5


@pytest.mark.postgresql_only
def test_a_process_in_reserve_is_sent_no_hints(make_services: Callable[..., Services], server: PrivateRedis) -> None:
    one, other = (make_services(redis_url=server.url) for _ in range(2))
    for services in (one, other):
        services.health.watch()
    wait_until(lambda: hints_of(one).has_others and hints_of(other).has_others, "they know of each other")
    other.rest()
    wait_until(lambda: not hints_of(one).has_others, "it is not listening")
    other.resume()
    wait_until(lambda: hints_of(one).has_others and hints_of(other).is_live, "it is back")
    assert seconds_until_heard(one, other, "hinted") < 10
