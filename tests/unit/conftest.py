from collections.abc import Callable

import pytest

from chat.services import Services
from tests.conftest import FakeClock


@pytest.fixture
def limited(make_services: Callable[..., Services], clock: FakeClock) -> Callable[..., Services]:
    """Services with these settings."""

    def start(**settings: object) -> Services:
        services = make_services(clock, **settings)
        services.rooms.ensure_lobby()
        return services

    return start
