"""Cached heads give the same environ as gunicorn's parser, and nothing of another client's."""

import logging
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from gunicorn.config import Config

from chat.server import wsgi
from chat.server.host import Host
from chat.server.http_parser import Framed, Framer
from chat.server.ports import ENVIRON_KEY, Application, Arrival
from chat.server.refusals import refusal
from chat.server.request_targets import FramingError

PEER, LOCAL = ("192.0.2.7", 4711), ("127.0.0.1", 8000)
_OBJECTS = {"wsgi.input", "wsgi.errors", "gunicorn.socket", "wsgi.early_hints", ENVIRON_KEY}

HEADS = [
    b"GET /user/me HTTP/1.1\r\nHost: a:8000\r\nAuthorization: Bearer one\r\n\r\n",
    b"GET /user/me HTTP/1.1\r\nHost: a:8000\r\nAuthorization: Bearer two\r\n\r\n",
    b"GET /user/me HTTP/1.1\r\nHost: a:8000\r\nAuthorization: 0\r\n\r\n",
    b"GET /user/me HTTP/1.1\r\nHost: a:8000\r\n\r\n",
    b"GET /user/me?x=%41 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\ncookie: s=1; t=2\r\n\r\n",
    b"GET /user/me?x=%41 HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\ncookie:s=3\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nX-Else: 0\r\nCookie: b=2\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie:\ta=1\r\nAuthorization:  x \r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: \xe4=1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie: \xe4=1\r\nCookie: b=2\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nCookie:\ta=1\r\nCookie: b=2\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: one \r\nAuthorization: two\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization:\r\nAuthorization: two\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Cookie: a\r\nAuthorization:\r\nX: Cookie: 5\r\n\r\n",
    b"POST /chat/send HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nAuthorization: x\r\nCookie: y\r\n\r\n{}",
    b"POST /chat/send HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\nCookie: y\r\nAuthorization: x\r\n\r\n1234567",
    b"POST /chat/send HTTP/1.1\r\nHost: a\r\nContent-Length:\t3\r\n\r\n123",
    b"POST /chat/send HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"POST /chat/send HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /\xe4?\xc3 HTTP/1.1\r\nHost: a\r\nCookie: z\r\nContent-Length: 1\r\n\r\nx",
    b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 1.2.3.4\r\nScript_Name: /x\r\n\r\n",
]


class Workers:
    """A Host, whose application keeps the environ of each call."""

    def __init__(self, **settings: Any) -> None:
        self.cfg = Config()
        for name, value in settings.items():
            self.cfg.set(name, value)
        self.log = SimpleNamespace(access=lambda *_: None, error=logging.error)
        self.is_logged = False
        self.refusal = refusal
        self.is_stopping = False
        self.application = Application(wsgi=self.wsgi)
        self.environ: dict[str, Any] = {}

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.environ = environ
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    def read(self, framed: Framed, peer: Any = PEER) -> tuple[dict[str, Any], bytes, bool]:
        """What an application sees of it, its body, and whether the connection closes."""
        answer = wsgi.run(cast(Host, self), framed, peer, LOCAL, Arrival(time.monotonic(), framed.body))
        body = self.environ["wsgi.input"].read()
        return {key: value for key, value in self.environ.items() if key not in _OBJECTS}, body, answer.close


def framed(raw: bytes) -> Framed:
    framer = Framer(10_000)
    framer.buffer += raw
    found = framer.next()
    assert found is not None
    return found


def test_it_equals_gunicorns_result() -> None:
    workers = Workers()
    for _ in range(2):  # as something new, and remembered
        for raw in HEADS:
            as_remembered = framed(raw)
            as_read = framed(raw)
            as_read.shape = None
            assert workers.read(as_remembered) == workers.read(as_read), raw


def test_short_heads_of_the_same_shape_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers()
    heads = [
        b"POST / HTTP/1.1\r\nHost: once\r\nCookie: c=%d\r\nContent-Length: %d\r\nAuthorization: %d\r\n\r\n" % (n, n, n)
        + bytes(n)
        for n in range(20)
    ]
    first, *others = [framed(head) for head in heads]
    workers.read(first)
    monkeypatch.setattr(wsgi, "RequestParser", lambda *_: pytest.fail("gunicorn's parser ran"))
    for n, other in enumerate(others, 1):
        environ, body, _ = workers.read(other, peer=("192.0.2.7", n))
        assert (environ["HTTP_COOKIE"], environ["HTTP_AUTHORIZATION"]) == (f"c={n}", str(n))
        assert (environ["CONTENT_LENGTH"], environ["REMOTE_PORT"], body) == (str(n), str(n), bytes(n))


def test_only_a_trusted_peers_word_on_the_scheme_counts() -> None:
    """For any client with an equal head."""
    workers = Workers(forwarded_allow_ips="192.0.2.7")
    raw = b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n"
    schemes = [workers.read(framed(raw), (ip, 1))[0]["wsgi.url_scheme"] for ip in ("192.0.2.7", "192.0.2.8") * 2]
    assert schemes == ["https", "http", "https", "http"]


def test_a_value_longer_than_allowed_is_refused() -> None:
    workers = Workers(limit_request_field_size=100)
    short, long = (b"GET / HTTP/1.1\r\nHost: a\r\nCookie: %b\r\n\r\n" % (b"x" * n) for n in (5, 200))
    assert workers.read(framed(short))[2] is False
    answer = wsgi.run(cast(Host, workers), framed(long), PEER, LOCAL, Arrival(0.0, b""))
    assert answer.pieces[0].startswith(b"HTTP/1.1 431 ")


def test_where_heads_are_logged_each_is_read() -> None:
    workers = Workers()
    workers.is_logged = True
    shown: list[str] = []
    workers.log.access = lambda _response, read, *_: shown.append(dict(read.headers)["COOKIE"])
    for n in range(3):
        workers.read(framed(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: %d\r\n\r\n" % n))
    assert shown == ["0", "1", "2"]


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 1\r\nContent-Length: 1",
        b"Content-Length: 1\r\nX: y\r\ncontent-length:\t1",
        b"Content-Length: +1",
        b"Content-Length: 1 1",
        b"Content-Length: 1000000000000000000",
        b"Content-Length: 1\r\nTransfer-Encoding: chunked",
        b"Cookie: a\r\n b",
        b"Cookie: a\rb",
        b"Cookie : a",
        b"Cookie: a\nb: c",
        b"Cookie: a\0b",
    ],
)
def test_refused_heads_have_no_shape(lines: bytes) -> None:
    for _ in range(2):
        with pytest.raises(FramingError):
            framed(b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n\r\n12345")
