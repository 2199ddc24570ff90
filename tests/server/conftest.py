"""One server for all tests of a module that leave it as it was."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.raw import token_of
from tests.real_server import ROOT, Server

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


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the code, which servers started as `fresh` run."""
    made = tmp_path / "copy"
    (made / "tests").mkdir(parents=True)
    for name in ("chat", "migrations"):
        shutil.copytree(ROOT / name, made / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.py"), ROOT / "tests/served.py", ROOT / "tests/hashing.py"):
        shutil.copy(file, made / file.relative_to(ROOT))
    monkeypatch.setattr("tests.launch.ROOT", made)
    return made
