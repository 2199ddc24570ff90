"""The servers that everything is run against: real ones, with what only tests speak at /test besides."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.live.tls import TlsServer
from tests.server import Server, certificate

APP = "tests.live.socket_app:create()"


@contextlib.contextmanager
def served(*, tls: bool = False, **env: str) -> Iterator[Server]:
    """A server on a database of its own, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        server = TlsServer(home, *certificate(home)) if tls else Server(home, env=env, app=APP)
        server.flask("db", "upgrade")
        try:
            server.start()
            yield server
        finally:
            server.kill()
