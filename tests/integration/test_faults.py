"""A full disk and a locked database, under a real server."""

import base64
import resource
import sqlite3
from collections.abc import Callable
from pathlib import Path

import requests

from tests.integration.raw import token_of
from tests.pictures import noise
from tests.server import Server

StartServer = Callable[..., Server]


def test_a_full_disk(server: StartServer, home: Path) -> None:
    live = server()
    token = token_of(live, "alice")
    auth = {"Authorization": token}

    def show(data: bytes) -> requests.Response:
        message = {"type": "img", "content": base64.b64encode(data).decode()}
        body = {"roomname": "public", "new_message": message}
        return requests.post(f"{live.url}/chat/send", json=body, headers=auth, timeout=30)

    # No file of this process may grow beyond 6 MiB: writing fails as it does on a full disk.
    (worker,) = live.worker_pids()
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (6 * 1024 * 1024, 6 * 1024 * 1024))
    data = noise(1_500_000)
    stored = 0
    for _ in range(12):
        reply = show(data)
        if reply.status_code != 200:
            break
        stored += 1
    assert reply.status_code == 503
    assert reply.json()["status"] == "failure"
    assert int(reply.headers["Retry-After"]) >= 1
    assert 0 < stored < 12
    # Reading goes on, and the server lives.
    assert requests.get(f"{live.url}/room/find", headers=auth, timeout=30).status_code == 200
    live.kill()
    live.start()
    with sqlite3.connect(home / "commonroom.db") as connection:
        counts = [
            connection.execute(query).fetchone()[0]
            for query in (
                "SELECT count(*) FROM messages",
                "SELECT count(*) FROM attachments",
                "SELECT count(DISTINCT attachment_id) FROM attachment_chunks",
            )
        ]
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert counts == [stored] * 3
    assert show(data).status_code == 200


def test_a_locked_database(server: StartServer, home: Path) -> None:
    live = server(CHAT_DATABASE_BUSY_SECONDS="0.3")
    auth = {"Authorization": token_of(live, "alice")}
    other = sqlite3.connect(home / "commonroom.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    body = {"roomname": "public", "new_message": {"type": "text", "content": "x"}}
    reply = requests.post(f"{live.url}/chat/send", json=body, headers=auth, timeout=30)
    assert (reply.status_code, reply.json()["status"]) == (503, "failure")
    assert "Retry-After" in reply.headers
    assert requests.get(f"{live.url}/room/find", headers=auth, timeout=30).status_code == 200
    other.execute("ROLLBACK")
    other.close()
    assert requests.post(f"{live.url}/chat/send", json=body, headers=auth, timeout=30).status_code == 200
    got = requests.get(f"{live.url}/chat/pull", headers=auth, timeout=30).json()["public"]
    assert [message["content"] for message in got] == ["x"]
