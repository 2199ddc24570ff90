"""TLS by gunicorn's certfile and keyfile: the same server behind it."""

import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.processes import resting_sockets_of, sockets_of
from tests.raw import BODY_MAX, Talk, get, post, pull, token_of
from tests.real_server import certificate, wait_until
from tests.server import websocket
from tests.server.tls import TlsServer, TlsSocket, TlsTalk

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")


@pytest.fixture(scope="module")
def tls(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    home = tmp_path_factory.mktemp("tls")
    shutil.copy(migrated, home / "commonroom.db")
    cert, key = certificate(home)
    server = TlsServer(home, cert, key)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def token(tls: TlsServer) -> str:
    return register(tls, "alice").split("=", 1)[1].split(";")[0]


def register(tls: TlsServer, username: str) -> str:
    """The cookie, as it is set."""
    body = {"username": username, "password": "secret1"}
    reply = requests.post(f"{tls.url}/user/register", json=body, timeout=30, verify=str(tls.cert))
    assert reply.status_code == 200, reply.text
    return reply.headers["Set-Cookie"]


def test_the_cookie_is_secure(tls: TlsServer) -> None:
    attributes = [part.strip().lower() for part in register(tls, "bob").split(";")]
    assert "secure" in attributes
    assert "httponly" in attributes


def test_requests_and_held_pulls(tls: TlsServer, token: str) -> None:
    with TlsTalk(tls) as talk, TlsTalk(tls) as other:
        for _ in range(3):
            assert talk.ask(get("/user/me", f"Authorization: {token}")).status == 200
            assert talk.ask(pull(token, {"public": ""}, timeout=0.1)).json()["public"] == []
        talk.send(pull(token, {"public": ""}, timeout=20))
        body = b'{"roomname": "public", "new_message": {"type": "text", "content": "in secret"}}'
        assert other.ask(post("/chat/send", body, f"Authorization: {token}")).status == 200
        (message,) = talk.answer().json()["public"]
        assert message["content"] == "in secret"
        stamp = message["timestamp"]
        talk.send(pull(token, {"public": stamp}, timeout=0.2) + get("/nowhere"))
        assert talk.answer().json()["public"] == []
        assert talk.answer().status == 404


def test_sockets(tls: TlsServer, token: str) -> None:
    with TlsTalk(tls) as talk:
        shake = get("/test/ws", *websocket.HANDSHAKE, f"Authorization: {token}")
        talk.send(shake + websocket.frame(websocket.TEXT, '{"echo": "x"}') + websocket.close(1000))
        assert talk.answer(bodiless=True).status == 101
        said = talk.rest()
        assert said.index(b'{"hello": "alice"}') < said.index(b'{"echo": "x"}')
        assert said.endswith(b"\x88\x02\x03\xe8")


def test_a_large_answer(tls: TlsServer, token: str) -> None:
    with TlsTalk(tls) as talk:
        page = talk.ask(get("/"))
        assert (page.status, len(page.body) > 1000) == (200, True)
        assert talk.ask(post("/chat/pull?timeout=0", b" " * BODY_MAX, f"Authorization: {token}")).status == 200


def test_refusals_are_readable(tls: TlsServer, token: str) -> None:
    auth = f"Authorization: {token}"
    for data, status in (
        (get("/healthz", "X : y"), 400),
        (post("/chat/pull", b"", auth, "Transfer-Encoding: chunked"), 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (get("/chat/pull", auth, f"Content-Length: {BODY_MAX + 1}", method="POST"), 413),
    ):
        with TlsTalk(tls) as talk:
            answer = talk.ask(data)
            assert (answer.status, answer.json()["status"]) == (status, "failure")
            assert ends(talk) == b""


def test_a_body_over_the_limit_sent_whole_gets_a_readable_413(tls: TlsServer, token: str) -> None:
    body = b" " * (BODY_MAX + 1)
    with TlsTalk(tls) as talk:
        answer = talk.ask(post("/chat/pull", body, f"Authorization: {token}"))
        assert (answer.status, answer.json()["status"]) == (413, "failure")
        assert ends(talk) == b""


def ends(talk: Talk) -> bytes:
    try:
        return talk.rest()
    except ssl.SSLEOFError:
        return b""


def test_hanging_up_during_a_pull(tls: TlsServer, token: str) -> None:
    (worker,) = tls.worker_pids()
    before = resting_sockets_of(worker)
    talks = [TlsTalk(tls) for _ in range(20)]
    for talk in talks:
        talk.send(pull(token, {"nobody": "", "public": "2999-01-01T00:00:00Z"}, timeout=40))
    wait_until(lambda: sockets_of(worker) >= before + 20, "they are held")
    for talk in talks:
        talk.socket.close()
    wait_until(lambda: sockets_of(worker) <= before + 1, "they are forgotten", 5)


def test_plain_clients_at_the_tls_port_delay_no_other_client(tls: TlsServer) -> None:
    silent = [socket.create_connection(("127.0.0.1", tls.port), timeout=10) for _ in range(100)]
    for connection in silent[:50]:
        connection.sendall(get("/healthz"))
    assert tls.healthy()
    for connection in silent:
        connection.close()
    assert tls.healthy()
    assert "Traceback" not in tls.log.read_text()


def test_a_client_without_tls_is_disconnected_in_time(tls: TlsServer) -> None:
    with (
        socket.create_connection(("127.0.0.1", tls.port), timeout=15) as silent,
        socket.create_connection(("127.0.0.1", tls.port), timeout=15) as halfway,
    ):
        halfway.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        assert silent.recv(1) == b""
        assert halfway.recv(1) == b""


def test_plain_http_is_told_that_this_is_tls(tls: TlsServer) -> None:
    for data, media_type, body in (
        (get("/healthz"), "application/json", b"https://"),
        (get("/", "Accept: text/html,*/*"), "text/html; charset=utf-8", b"<title>400 Bad Request</title>"),
        (b"HELP\n", "application/json", b"https://"),
    ):
        with Talk(tls) as talk:
            answer = talk.ask(data)
            assert (answer.status, answer.headers["content-type"]) == (400, media_type)
            assert body in answer.body
            assert talk.rest() == b""


def test_a_client_that_says_good_bye_leaves_nothing_in_the_log(tls: TlsServer, token: str) -> None:
    with TlsTalk(tls) as talk:
        assert talk.ask(get("/user/me", f"Authorization: {token}")).status == 200
        assert talk.say_good_bye() == b""
    with TlsTalk(tls) as talk:  # with an answer outstanding
        talk.send(pull(token, {"public": "2999-01-01T00:00:00Z"}, timeout=20))
        try:
            assert talk.say_good_bye() == b""
        except ssl.SSLError as error:  # the pull was not held yet, and its answer crossed the close notification
            if error.reason != "APPLICATION_DATA_AFTER_CLOSE_NOTIFY":
                raise
    with TlsSocket(tls, token) as opened:
        opened.send(websocket.close(1000))
        assert opened.until_close() == ([], 1000)
        assert opened.say_good_bye() == b""
    assert tls.healthy()
    log = tls.log.read_text()
    assert "WARNING" not in log
    assert "Traceback" not in log


def test_a_broken_frame_ends_the_connection_at_once(tls: TlsServer, token: str) -> None:
    with TlsSocket(tls, token) as opened:
        began = time.monotonic()
        opened.send(b"\x83\x80\1\2\3\4" + websocket.close(1002))
        assert opened.until_close()[1] == 1002
        assert opened.rest() == b""
        assert opened.say_good_bye() == b""
        assert time.monotonic() - began < 2, "TCP ends too, without the time-out for a good-bye"


def test_unfinished_handshakes_leave_descriptors_for_others(home: Path) -> None:
    server = TlsServer(home, *certificate(home), descriptors=400)
    silent: list[socket.socket] = []
    try:
        server.start()
        token = token_of(server, "alice")
        with TlsTalk(server) as early:
            assert early.ask(get("/user/me", f"Authorization: {token}")).status == 200
            silent = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(600)]
            body = b'{"roomname": "public", "new_message": {"type": "text", "content": "still here"}}'
            for _ in range(5):
                assert early.ask(post("/chat/send", body, f"Authorization: {token}")).status == 200
        log = server.log.read_text()
        assert "Too many open files" not in log
        assert "Traceback" not in log
    finally:
        server.kill()
        for one in silent:
            one.close()
