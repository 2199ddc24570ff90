"""Services without rate limits, and the messages of the lobby in memory."""

import random
from collections.abc import Callable, Sequence

import pytest

from chat.delivery.feed import Feeds
from chat.delivery.tail import Tail
from chat.models import Event, StoredMessage
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import FakeClock, sign_up
from tests.database import store_of

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
