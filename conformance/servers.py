"""The servers that everything is run against: real ones, with what only tests speak at /test besides."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.real_server import Server, certificate
from tests.server.tls import TlsServer

APP = "tests.server.socket_app:create()"


@contextlib.contextmanager
def served(*, tls: bool = False, gunicorn: str = "") -> Iterator[Server]:
    """A server on a database of its own, until the block ends. gunicorn: more of its arguments."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        server = (
            TlsServer(home, *certificate(home), gunicorn=gunicorn)
            if tls
            else Server(home, env={"GUNICORN_CMD_ARGS": gunicorn}, app=APP)
        )
        server.flask("db", "upgrade")
        try:
            server.start()
            yield server
        finally:
            server.kill()
