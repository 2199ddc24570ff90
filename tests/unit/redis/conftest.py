"""Redis of a test's own, and processes that share it."""

from collections.abc import Callable, Iterator

import pytest

from chat.backends.redis.hints import RedisHints
from chat.backends.redis.link import Link
from chat.errors import ChatError
from chat.security.limits import Limit
from chat.services import Services
from tests.conftest import FakeClock
from tests.real_server import wait_until
from tests.redis import PrivateRedis

FEW = Limit("few", burst=5, seconds=3600)
ADDRESS = "192.0.2.1"


@pytest.fixture
def server() -> Iterator[PrivateRedis]:
    made = PrivateRedis()
    yield made
    made.stop()


@pytest.fixture
def link(server: PrivateRedis) -> Iterator[Link]:
    made = Link(server.url)
    yield made
    made.close()


@pytest.fixture
def two(server: PrivateRedis, make_services: Callable[..., Services], clock: FakeClock) -> tuple[Services, Services]:
    """Two processes on one database and one Redis, without their threads."""
    one, other = (make_services(clock, redis_url=server.url) for _ in range(2))
    one.rooms.ensure_lobby()
    return one, other


def refusal(job: Callable[[], object]) -> ChatError:
    with pytest.raises(ChatError) as caught:
        job()
    return caught.value


def hear_itself(services: Services) -> None:
    """Start the threads, and wait until hints go through."""
    services.start()
    wait_until(lambda: hints_of(services).is_live, "it hears itself")


def hints_of(services: Services) -> RedisHints:
    assert services.shared is not None
    made = services.shared.hints
    assert isinstance(made, RedisHints)
    return made


def online(services: Services) -> bool:
    return bool(services.presence.everybody_online())
