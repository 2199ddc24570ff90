from collections.abc import Callable

import pytest

from chat.backends.sqlite import text_index
from chat.models import Actor
from chat.services import Services, erasing, purging
from tests.conftest import FakeClock, make_teacher, sign_up


@pytest.fixture
def limited(make_services: Callable[..., Services], clock: FakeClock) -> Callable[..., Services]:
    """Services with these settings."""

    def start(**settings: object) -> Services:
        services = make_services(clock, **settings)
        services.rooms.ensure_lobby()
        return services

    return start


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Background jobs take no pauses between their transactions."""
    for module in (erasing, purging, text_index):
        monkeypatch.setattr(module, "PAUSE", 0)


@pytest.fixture
def teacher(services: Services) -> Actor:
    return make_teacher(services, sign_up(services, "teacher"))
