"""One server for all tests of a module that leave it as it was."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest

from tests.raw import token_of
from tests.real_server import Server

SOCKETS = "tests.server.socket_app:create()"  # it has /test/ws besides


@dataclass
class Shared:
    server: Server
    token: str


@pytest.fixture(scope="module")
def shared(serve: Callable[..., Server]) -> Shared:
    """A server, and the token of a user whose only room is the empty lobby."""
    server = serve(CHAT_RATE_LIMITS="off")
    return Shared(server, token_of(server, "alice"))


@pytest.fixture
def socket_server(server: Callable[..., Server]) -> Callable[..., Server]:
    """Start servers that have /test/ws besides; they end with the test."""
    return partial(server, app=SOCKETS)
