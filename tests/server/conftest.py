"""One server for all tests of a module that leave it as it was."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.raw import token_of
from tests.real_server import Server


@dataclass
class Shared:
    server: Server
    token: str


@pytest.fixture(scope="module")
def shared(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """A server, and the token of a user whose only room is the empty lobby."""
    home = tmp_path_factory.mktemp("live")
    shutil.copy(migrated, home / "commonroom.db")
    server = Server(home, env={"CHAT_RATE_LIMITS": "off"})
    try:
        server.start()
        yield Shared(server, token_of(server, "alice"))
    finally:
        server.kill()


@pytest.fixture
def socket_server(home: Path) -> Iterator[Callable[..., Server]]:
    """Start servers that have /test/ws besides; they end with the test."""
    started: list[Server] = []

    def start(*, workers: int = 1, app: str = "tests.server.socket_app:create()", **env: str) -> Server:
        made = Server(home, workers=workers, env=env, app=app)
        started.append(made)
        made.start()
        return made

    yield start
    for each in started:
        each.kill()
