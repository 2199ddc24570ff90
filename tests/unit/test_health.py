"""Whether the server can serve, as a background job sees it."""

from collections.abc import Callable

import pytest

from chat.errors import ChatError, ErrorCode
from chat.services import Services
from chat.services.health import Health


def test_a_look_that_goes_on_leaves_the_last_one_valid(services: Services) -> None:
    """A look takes a while on a busy machine; a question in between gets the last answer."""
    seen = []
    health = Health(services.store, lambda: seen.append(health.is_well))
    health.look()
    health.look()
    assert seen == [False, True]
    assert health.is_well


def test_a_look_that_fails_ends_the_last_one(services: Services) -> None:
    def fail() -> None:
        raise ChatError(ErrorCode.UNAVAILABLE)

    begins: list[Callable[[], None]] = [lambda: None, fail]
    health = Health(services.store, lambda: begins.pop(0)())
    health.look()
    with pytest.raises(ChatError):
        health.look()
    assert not health.is_well
