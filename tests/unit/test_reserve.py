"""A process in reserve runs no threads, and knows all that happened meanwhile when it comes back."""

import threading
from collections.abc import Callable

import pytest

from chat.errors import ChatError, ErrorCode
from chat.services import Services
from tests.conftest import sign_up
from tests.real_server import wait_until
from tests.unit.redis.test_events import seconds_until_heard

MINE = {"bus", "housekeeping", "health", "prober", "hints in", "hints out"}


def mine() -> int:
    return sum(thread.name in MINE for thread in threading.enumerate())


@pytest.fixture
def two(make_services: Callable[..., Services]) -> tuple[Services, Services]:
    one, other = make_services(), make_services()
    one.start()
    return one, other


def test_it_runs_no_threads_and_can_begin_again(two: tuple[Services, Services]) -> None:
    _, other = two
    before = mine()
    other.health.watch()
    running = mine()
    assert running >= before + 3
    for _ in range(3):
        other.rest()
        assert mine() == before
        other.rest()
        other.resume()
        assert mine() == running
        assert other.health.is_well
    other.rest()
    other.close()
    assert mine() == before


def test_it_hears_of_messages_and_lost_rights_when_it_is_back(two: tuple[Services, Services]) -> None:
    one, other = two
    other.health.watch()
    alice = sign_up(one, "alice")
    wait_until(other.hub.is_current, "it hears of others")
    assert other.sessions.resolve(alice.session_id, alice.user_id) is not None
    assert seconds_until_heard(one, other, "before") < 10
    other.rest()
    one.sessions.close(alice)
    other.resume()
    assert other.sessions.resolve(alice.session_id, alice.user_id) is None
    wait_until(other.hub.is_current, "it hears of others")
    assert seconds_until_heard(one, other, "after") < 10


def test_health_checks_begin_again_what_could_not_at_first(
    two: tuple[Services, Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, other = two
    other.health.watch()
    other.rest()

    def fail() -> None:
        raise ChatError(ErrorCode.UNAVAILABLE)

    with monkeypatch.context() as away:
        away.setattr(other.bus, "start", fail)
        other.resume()
        assert (other.is_started, other.health.is_well) == (False, False)
    wait_until(lambda: other.is_started and other.health.is_well, "it has started")
