"""A full disk and a locked database, under a real server."""

import base64
import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.database import locked, rows_of
from tests.databases import direct_only
from tests.pictures import noise
from tests.raw import Talk, token_of
from tests.real_server import Server

StartServer = Callable[..., Server]


@pytest.mark.sqlite_only  # the file grows; PostgreSQL's full disk is test_full_disk's
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
    for query in (
        "SELECT count(*) FROM messages",
        "SELECT count(*) FROM attachments",
        "SELECT count(DISTINCT attachment_id) FROM attachment_chunks",
    ):
        assert rows_of(home, query) == [(stored,)]
    assert rows_of(home, "PRAGMA integrity_check") == [("ok",)]
    assert rows_of(home, "PRAGMA foreign_key_check") == []
    assert show(data).status_code == 200


@direct_only
def test_a_locked_database(server: StartServer, home: Path) -> None:
    live = server(CHAT_DATABASE_BUSY_SECONDS="0.3")
    auth = {"Authorization": token_of(live, "alice")}
    body = {"roomname": "public", "new_message": {"type": "text", "content": "x"}}
    with locked(home):
        reply = requests.post(f"{live.url}/chat/send", json=body, headers=auth, timeout=30)
        assert (reply.status_code, reply.json()["status"]) == (503, "failure")
        assert "Retry-After" in reply.headers
        assert requests.get(f"{live.url}/room/find", headers=auth, timeout=30).status_code == 200
    assert requests.post(f"{live.url}/chat/send", json=body, headers=auth, timeout=30).status_code == 200
    got = requests.get(f"{live.url}/chat/pull", headers=auth, timeout=30).json()["public"]
    assert [message["content"] for message in got] == ["x"]


def exchange(live: Server, request: bytes) -> bytes:
    with Talk(live, timeout=20) as talk:
        talk.send(request)
        return talk.rest()


def test_invalid_http_gets_json_and_leaves_no_tokens_in_the_log(server: StartServer) -> None:
    live = server(GUNICORN_CMD_ARGS="--log-level debug")
    host = b"Host: x\r\n"
    chunked = b"POST /user/login HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n"
    for request, status in (
        (b"GET /user/me?token=SECRET HTTP/1.1\n" + host + b"\r\n", b"400"),
        (b"GET /user/me?token=SECRET" + b"x" * 9000 + b" HTTP/1.1\r\n" + host + b"\r\n", b"414"),
        (b"GET /user/me HTTP/1.1\r\n" + host + b"Authorization: SECRET" + b"x" * 20000 + b"\r\n\r\n", b"431"),
        (b"GET /user/me HTTP/1.1\r\n" + host + b"Bad Name SECRET: x\r\n\r\n", b"400"),
        (b"SECRET nonsense\r\n\r\n", b"400"),
        (b"POST /user/login HTTP/1.1\r\n" + host + b"Content-Length: SECRET\r\n\r\n", b"400"),
        (chunked + b"ZZ SECRET\r\n", b"400"),
        (chunked + b"3\r\n{}SECRET\r\n", b"400"),
    ):
        head, _, body = exchange(live, request).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + status), (request[:60], head)
        assert b"application/json" in head
        assert json.loads(body)["status"] == "failure"
    assert live.healthy()
    assert "SECRET" not in live.log.read_text()
    assert "Traceback" not in live.log.read_text()


def test_chinese_in_an_address_as_curl_sends_it(server: StartServer) -> None:
    live = server()
    token = token_of(live, "alice")
    auth = {"Authorization": token}
    requests.post(f"{live.url}/room/create", json={"roomname": "物理"}, headers=auth, timeout=30)
    line = "GET /room/members?roomname=物理 HTTP/1.1\r\n".encode()
    head = f"Host: x\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n".encode()
    status, _, body = exchange(live, line + head).partition(b"\r\n")
    assert status == b"HTTP/1.1 200 OK"
    assert b'"user":"alice"' in body
