"""TLS by gunicorn's certfile and keyfile: the same server behind it."""

import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.raw import sockets_of
from tests.live import websocket
from tests.live.raw import BODY_MAX, Talk, get, post, pull, resting_sockets_of
from tests.server import Server, certificate, wait_until

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")


class TlsServer(Server):
    def __init__(self, home: Path, cert: Path, key: Path) -> None:
        env = {"GUNICORN_CMD_ARGS": f"--certfile {cert} --keyfile {key}"}
        super().__init__(home, env=env, app="tests.live.socket_app:create()")
        self.cert = cert
        self.url = f"https://127.0.0.1:{self.port}"

    def healthy(self) -> bool:
        assert self.process is None or self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.url}/healthz", timeout=2, verify=str(self.cert)).status_code == 200
        except requests.RequestException:
            return False


class TlsTalk(Talk):
    def __init__(self, server: TlsServer, timeout: float = 15) -> None:
        super().__init__(server, timeout=timeout)
        context = ssl.create_default_context(cafile=str(server.cert))
        self.socket = context.wrap_socket(self.socket, server_hostname="127.0.0.1")


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


def test_who_does_not_speak_tls_holds_up_nobody(tls: TlsServer) -> None:
    silent = [socket.create_connection(("127.0.0.1", tls.port), timeout=10) for _ in range(100)]
    for connection in silent[:50]:
        connection.sendall(get("/healthz"))
    assert tls.healthy()
    for connection in silent:
        connection.close()
    assert tls.healthy()
    assert "Traceback" not in tls.log.read_text()


def test_who_begins_no_tls_is_hung_up_on_in_time(tls: TlsServer) -> None:
    """Such connections are counted by nobody before their handshake is over, but take a descriptor."""
    with socket.create_connection(("127.0.0.1", tls.port), timeout=15) as silent:
        assert silent.recv(1) == b""
