"""The environ of requests, compared with that of gunicorn's parser, and the framing of answers."""

import random
from socket import socket
from types import SimpleNamespace
from typing import Any, cast

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi as gunicorn_wsgi
from gunicorn.http.parser import RequestParser

from chat.server import wsgi as runner
from chat.server.host import Host
from chat.server.http_parser import Framed, Framer
from chat.server.ports import SHORT_MAX_BYTES, BodyNotReceived
from chat.server.refusals import refusal
from tests.unit.bodies import AnyBody

PEER, LOCAL = ("192.0.2.7", 4711), ("127.0.0.1", 8000)
_DIFFERENT = {
    "wsgi.input", "wsgi.errors", "wsgi.file_wrapper", "wsgi.multithread", "wsgi.multiprocess", "wsgi.early_hints",
    "gunicorn.socket", "SERVER_SOFTWARE",
}  # fmt: skip

HEADS = [
    b"GET /user/me HTTP/1.1\r\nHost: a:8000\r\nAuthorization: Bearer one\r\n\r\n",
    b"GET /user/me HTTP/1.1\r\nHost: a:8000\r\nAuthorization: 0\r\n\r\n",
    b"GET /user/me?x=%41&y=?/ HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\ncookie: s=1; t=2\r\n\r\n",
    b"GET //a/%E4%BD%A0;b?%zz HTTP/1.0\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie:\ta=1\r\nAuthorization:  x \r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: \xe4=1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: one \r\nAuthorization: two\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization:\r\nAuthorization: two\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Cookie: a\r\nX: Cookie: 5\r\nConnection: close\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Type: a/b; c=d\r\nCookie: y\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\t3\r\n\r\n123",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PURGE / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nAccept: a\r\nAccept: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 1.2.3.4\r\nScript_Name: /x\r\n\r\n",
]


class Server:
    """A Host, whose application keeps the environ of each call."""

    def __init__(self, *headers: tuple[str, str], status: str = "200 OK", body: tuple[bytes, ...] = ()) -> None:
        self.log = SimpleNamespace(access=lambda *_: None)
        self.is_logged = self.is_stopping = False
        self.scheme = "http"
        self.refusal = refusal
        self.environ: dict[str, Any] = {}
        self.answer = status, list(headers), body

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.environ = environ
        status, headers, body = self.answer
        start_response(status, headers)
        return list(body)

    def run(self, framed: Framed) -> runner.Answer:
        return runner.run(cast(Host, self), framed, PEER, LOCAL, self.wsgi)


def framed(raw: bytes, max_body: int = 10_000) -> Framed:
    framer = Framer(max_body, AnyBody())
    framer.buffer += raw
    found = framer.next()
    assert found is not None
    return found


@pytest.mark.parametrize("raw", HEADS)
def test_the_environ_equals_gunicorns(raw: bytes) -> None:
    cfg = Config()
    cfg.set("forwarded_allow_ips", "")
    request = next(RequestParser(cfg, [raw], PEER))
    _, expected = gunicorn_wsgi.create(request, cast(socket, None), PEER, LOCAL, cfg)
    server = Server(("Content-Length", "0"))
    answer = server.run(framed(raw))
    found = server.environ
    assert {key: found[key] for key in found.keys() - _DIFFERENT} == {
        key: expected[key] for key in expected.keys() - _DIFFERENT
    }
    assert found["wsgi.input"].read() == (expected["wsgi.input"].read() if "CONTENT_LENGTH" in expected else b"")
    assert answer.close is (request.should_close())


@pytest.mark.parametrize(
    ("lines", "key", "value"),
    [
        (b"Cookie: a=1\r\nX: y\r\nCookie: b=2", "HTTP_COOKIE", "a=1; b=2"),
        (b"Cookie:\r\nCookie: b=2", "HTTP_COOKIE", "b=2"),
        (b"Upgrade: h2c, WebSocket", "HTTP_UPGRADE", "websocket"),
        (b"Upgrade: h2c, foo", "HTTP_UPGRADE", "h2c, foo"),
        (b"Transfer-Encoding: chunked", "HTTP_TRANSFER_ENCODING", None),
        (b"Transfer-Encoding: chunked", "CONTENT_LENGTH", "2"),
    ],
)
def test_fields_that_wsgi_would_read_differently(lines: bytes, key: str, value: str | None) -> None:
    server = Server()
    chunks = b"2\r\n{}\r\n0\r\n\r\n" if lines.startswith(b"Transfer") else b""
    server.run(framed(b"POST / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n\r\n" + chunks))
    assert server.environ.get(key) == value


def test_the_host_of_a_whole_uri_counts() -> None:
    server = Server()
    server.run(framed(b"GET http://y:1/a?b HTTP/1.3\r\nHost: x\r\n\r\n"))
    assert (server.environ["HTTP_HOST"], server.environ["PATH_INFO"]) == ("y:1", "/a")


def test_a_body_that_was_not_received_is_not_read_as_empty() -> None:
    server = Server()
    answer = server.run(framed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", max_body=8))
    assert (server.environ["CONTENT_LENGTH"], answer.close) == ("9", True)
    with pytest.raises(BodyNotReceived):
        server.environ["wsgi.input"].read()


@pytest.mark.parametrize("following", [b"", b"GET / HTTP/1.1"])
def test_a_long_body_is_read_as_it_came(following: bytes) -> None:
    body = random.Random(1).randbytes(SHORT_MAX_BYTES + 1)
    server = Server()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    server.run(framed(head + body + following, max_body=len(body)))
    given = server.environ["wsgi.input"]
    assert given.read(70) + given.read(0) + given.read(SHORT_MAX_BYTES) + given.read() == body
    assert given.read(1) == b""


def test_the_access_log_shows_each_request_its_own_fields() -> None:
    server = Server()
    server.is_logged = True
    shown: list[str] = []
    server.log.access = lambda _response, fields, *_: shown.append(dict(fields)["cookie"])
    for n in range(3):
        server.run(framed(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: %d\r\n\r\n" % n))
    assert shown == ["0", "1", "2"]


def answered(server: Server, method: bytes = b"GET", version: int = 1) -> tuple[bytes, bytes, bool]:
    """Return the head, the body, and whether the connection closes."""
    line = b"%b / HTTP/1.%d\r\nHost: a\r\nConnection: keep-alive\r\n\r\n" % (method, version)
    answer = server.run(framed(line))
    head, _, body = b"".join(answer.pieces).partition(b"\r\n\r\n")
    return head, body, answer.close


def test_an_answer_without_a_length_is_chunked_or_ends_the_connection() -> None:
    server = Server(body=(b"one", b"", b"two"))
    head, body, closes = answered(server)
    assert (b"\r\nTransfer-Encoding: chunked" in head, closes) == (True, False)
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    head, body, closes = answered(server, version=0)
    assert (head.startswith(b"HTTP/1.0 200 OK\r\n"), body, closes) == (True, b"onetwo", True)


@pytest.mark.parametrize(
    ("status", "method", "shows_length"),
    [("200 OK", b"HEAD", True), ("204 No Content", b"GET", False), ("304 Not Modified", b"GET", True)],
)
def test_answers_that_have_no_body(status: str, method: bytes, shows_length: bool) -> None:
    head, body, closes = answered(Server(("Content-Length", "3"), status=status, body=(b"one",)), method)
    assert (b"\r\nContent-Length: 3" in head, body, closes) == (shows_length, b"", False)


def test_an_upgrade_is_asked_for() -> None:
    head, _, _ = answered(Server(("Upgrade", "websocket"), ("Content-Length", "0"), status="426 Upgrade Required"))
    assert b"\r\nUpgrade: websocket" in head


def test_a_body_is_not_longer_than_announced() -> None:
    head, body, _ = answered(Server(("Content-Length", "4"), body=(b"one", b"two")))
    assert (b"\r\nContent-Length: 4" in head, body) == (True, b"onet")


def test_fields_of_the_connection_belong_to_the_server() -> None:
    head, _, _ = answered(Server(("Connection", "close"), ("Keep-Alive", "5"), ("X-A", " b "), ("Content-Length", "0")))
    assert head.count(b"onnection:") == 1
    assert (b"\r\nConnection: keep-alive" in head, b"Keep-Alive" in head, b"\r\nX-A: b" in head) == (True, False, True)


@pytest.mark.parametrize("header", [("X", "a\r\nY: b"), ("X\r\nY", "b"), ("X", "\u4f60")])
def test_an_invalid_header_is_never_sent(header: tuple[str, str], caplog: pytest.LogCaptureFixture) -> None:
    head, _, closes = answered(Server(header))
    assert (head.startswith(b"HTTP/1.1 500 "), b"Y: b" in head, closes) == (True, False, True)
    assert "invalid header" in caplog.text
