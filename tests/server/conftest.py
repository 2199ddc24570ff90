"""One server for all tests of a module that leave it as it was."""

import compileall
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


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with its bytecode, which servers of changed code do not write."""
    made = tmp_path_factory.mktemp("compiled")
    for name in ("chat", "migrations", "__pycache__", "tests/__pycache__"):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, made / name)
    for file in (*ROOT.glob("*.py"), ROOT / "tests/served.py", ROOT / "tests/hashing.py"):
        shutil.copy2(file, made / file.relative_to(ROOT))
    compileall.compile_dir(made, quiet=1)
    return made


@pytest.fixture
def copy(compiled: Path, tmp_path: Path) -> Path:
    """A copy of the code to be changed, for servers that are started with it (`code`)."""
    return shutil.copytree(compiled, tmp_path / "copy")
