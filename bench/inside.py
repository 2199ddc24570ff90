# ruff: noqa: T201
"""CPU that one request costs inside the application (Flask, services, SQLite), without a server around it.

python -m bench.inside          milliseconds of CPU per request
python -m bench.inside --where  and where a send spends them
"""

import cProfile
import io
import json
import pstats
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade

from app import create_app
from config import Settings

ROUNDS = 500
LOBBY_FROM_NOW = json.dumps({"public": 4_000_000_000}).encode()
TEXT = json.dumps({"roomname": "public", "new_message": {"type": "text", "content": "x" * 64}}).encode()


def application(home: str) -> tuple[Flask, str]:
    """A fresh one, and the token of somebody in its lobby."""
    app = create_app(Settings(instance_path=Path(home), rate_limits=False))
    with app.app_context():
        upgrade()
    body = {"username": "alice", "password": "secret1"}
    cookie = app.test_client().post("/user/register", json=body).headers["Set-Cookie"]
    return app, cookie.split("=", 1)[1].split(";")[0]


def call(app: Flask, token: str, method: str, path: str, body: bytes) -> None:
    """One request, as a WSGI server makes it."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "timeout=0", "SERVER_NAME": "x",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "x", "HTTP_AUTHORIZATION": token,
        "CONTENT_LENGTH": str(len(body)), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
    }  # fmt: skip
    pieces = app(environ, lambda *_: lambda _: None)
    b"".join(pieces)
    pieces.close()  # type: ignore[attr-defined]


def main() -> None:
    requests = {"GET /user/me": b"", "POST /chat/pull": LOBBY_FROM_NOW, "POST /chat/send": TEXT}
    with tempfile.TemporaryDirectory() as home:
        app, token = application(home)
        for name, body in requests.items():
            method, path = name.split()
            for _ in range(50):
                call(app, token, method, path, body)
            began = time.process_time()
            for _ in range(ROUNDS):
                call(app, token, method, path, body)
            print(f"{name:16} {(time.process_time() - began) / ROUNDS * 1000:.2f} ms of CPU")
        if "--where" in sys.argv:
            profile = cProfile.Profile()
            profile.runcall(lambda: [call(app, token, "POST", "/chat/send", TEXT) for _ in range(ROUNDS)])
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        app.extensions["commonroom"].close()


if __name__ == "__main__":
    main()
