"""Refusals before routing: each protocol's clients get its envelope, with any Accept header, and never a page."""

import json
import socket

import pytest

from tests.raw import Talk, get
from tests.server.conftest import Shared
from tests.server.websocket import HANDSHAKE

# path: the envelope's keys, and its English text, unless the protocol has a single language
ENVELOPES = {
    "/chat/send": {"status", "feedback"},
    "/api/room/list": {"code", "msg", "data"},
    "/ws/join": {"code", "msg", "data"},
    "/Room/1": {"status", "error"},
    "/conversations": {"code", "info"},
    "/ws/": {"code", "info"},
    "/%63hat/send?x=y": {"status", "feedback"},
    "http://x/account/login": {"code", "info"},
    "//api/room/list": {"code", "msg", "data"},
}
BROKEN = {
    "400 field": (b"GET %b HTTP/1.1\r\nHost: x\r\nno colon\r\n", 400),
    "400 Host": (b"GET %b HTTP/1.1\r\nHost: a/b\r\n", 400),
    "400 Content-Length": (b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 1,1\r\n", 400),
    "400 smuggling": (b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
    "400 line feeds": (b"GET %b HTTP/1.1\nHost: x\r\n", 400),
    "414": (b"GET %b" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n", 414),
    "417": (b"POST %b HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\n", 417),
    "431": (b"GET %b HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 50_000 + b"\r\n", 431),
    "501": (b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n", 501),
    "505": (b"GET %b HTTP/2.0\r\nHost: x\r\n", 505),
    "two spaces": (b"GET  %b HTTP/1.1\r\nHost: x\r\n", 400),
    "a tab": (b"GET\t%b HTTP/1.1\r\nHost: x\r\n", 400),
    "a space in the target": (b"GET %b x HTTP/1.1\r\nHost: x\r\n", 400),
    "NUL": (b"GET %b\0 HTTP/1.1\r\nHost: x\r\n", 400),
    "HTTP/0.9": (b"GET %b\r\n", 400),
}


@pytest.mark.parametrize("path", ENVELOPES)
@pytest.mark.parametrize("kind", BROKEN)
def test_it_has_the_envelope_of_its_path(shared: Shared, path: str, kind: str) -> None:
    (head, status), keys = BROKEN[kind], ENVELOPES[path]
    if kind == "414":
        path = path.partition("?")[0] + "?"
    with Talk(shared.server) as talk:
        answer = talk.ask(head % path.encode() + b"Accept: text/html,*/*\r\n\r\n")
        assert answer.status == status
        assert answer.headers["content-type"] == "application/json"
        assert set(json.loads(answer.body)) == keys
        assert talk.rest() == b""


@pytest.mark.parametrize(
    ("language", "words"), [("zh-CN,zh", "服务器不接受此请求"), ("en", "does not take this request")]
)
def test_in_the_clients_language(shared: Shared, language: str, words: str) -> None:
    with Talk(shared.server) as talk:
        answer = talk.ask(f"GET /user/me HTTP/1.1\r\nHost: x\r\nAccept-Language: {language}\r\nbad\r\n\r\n".encode())
        assert words in json.loads(answer.body)["feedback"]


NOWHERE = {  # what belongs to no protocol, or cannot be known
    "a percent sign": b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET *": b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "NUL": b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    "two spaces": b"GET  /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space at the beginning": b" GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "the root": b"GET / HTTP/1.1\r\nHost: x\r\nbad\r\n\r\n",
    "a static file": b"GET /static/app.js HTTP/1.1\r\nHost: a b\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "no line": b"\0",
    "carriage returns": b"GET / HTTP/1.1\rHost: x\r\r",
}


HAVE_FIELDS = [kind for kind, asked in NOWHERE.items() if asked.endswith(b"\r\n\r\n")]


@pytest.mark.parametrize(
    ("kind", "chinese"), [*((kind, False) for kind in NOWHERE), *((kind, True) for kind in HAVE_FIELDS)]
)
def test_without_a_protocol_it_is_pollings(shared: Shared, kind: str, chinese: bool) -> None:
    lines = b"\r\nAccept-Language: zh-CN\r\n\r\n"
    asked = NOWHERE[kind]
    with Talk(shared.server, timeout=5) as talk:
        answer = talk.ask(asked.removesuffix(b"\r\n\r\n") + lines if chinese else asked)
        assert set(answer.json()) == {"status", "feedback"}
        words = "服务器不接受此请求" if chinese else "The server does not take this request"
        assert answer.json()["feedback"].startswith(words)
        assert talk.rest() == b""


PAGES = {
    "a line without a colon": (b"bad\r\n", "The server does not understand this request.", "服务器无法理解此请求。"),
    "cookies": (b"Cookie: a=" + b"x" * 50_000 + b"\r\n", "Delete this site&#x27;s cookies", "请删除本站的 Cookie"),
    "a long address": (b"", "The address is too long.", "地址太长。"),
}


@pytest.mark.parametrize("kind", PAGES)
def test_the_page_of_a_refusal_has_words_for_people_in_their_language(shared: Shared, kind: str) -> None:
    line, english, chinese = PAGES[kind]
    path = b"x" * 20_000 if kind == "a long address" else b"<b>"
    for language, words in ((b"en", english), (b"zh", chinese)):
        with Talk(shared.server) as talk:
            head = b"GET /" + path + b" HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nAccept-Language: " + language
            page = talk.ask(head + b"\r\n" + line + b"\r\n")
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert words in page.body.decode()


HALVES = {
    "a line": b"GET /chat/pull",
    "a head": b"GET /chat/pull HTTP/1.1\r\nHost: x\r\n",
    "a body": b"POST /chat/pull HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
    "chunks": b"POST /chat/pull HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{",
    "a request after another": get("/healthz") + b"GET /chat/pull HTTP/1.1\r\nH",
}


@pytest.mark.parametrize("kind", HALVES)
def test_half_a_request_is_refused_at_the_end_of_the_stream(shared: Shared, kind: str) -> None:
    with Talk(shared.server, timeout=5) as talk:
        talk.send(HALVES[kind])
        talk.socket.shutdown(socket.SHUT_WR)
        if kind == "a request after another":
            assert talk.answer().status == 200
        answer = talk.answer()
        assert (answer.status, set(answer.json())) == (400, {"status", "feedback"})
        assert talk.rest() == b""


@pytest.mark.parametrize("said", [b"", b"\r\n", get("/healthz")])
def test_a_stream_that_ends_between_requests_is_closed_without_a_word(shared: Shared, said: bytes) -> None:
    with Talk(shared.server, timeout=5) as talk:
        talk.send(said)
        talk.socket.shutdown(socket.SHUT_WR)
        if said.startswith(b"GET"):
            assert talk.answer().status == 200
        assert talk.rest() == b""


def test_a_bad_handshake_at_the_root_is_realtimes_and_a_bad_request_there_is_the_pages(shared: Shared) -> None:
    bad = b"bad\r\n\r\n"
    with Talk(shared.server) as talk:
        shake = "\r\n".join(["GET / HTTP/1.1", "Host: x", *HANDSHAKE, ""]).encode()
        assert set(talk.ask(shake + bad).json()) == {"status", "error"}
    with Talk(shared.server) as talk:
        page = talk.ask(b"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n" + bad)
        assert (page.status, page.headers["content-type"]) == (400, "text/html; charset=utf-8")


@pytest.mark.parametrize("said", [b"\x16\x03\x01\x02\x00\x01", b"\x80\x2e\x01\x00\x02", b"\0", b"(", b"\xe4\xbd\xa0"])
def test_hopeless_requests_are_refused_at_once(shared: Shared, said: bytes) -> None:
    """A browser using https:// would wait."""
    with Talk(shared.server, timeout=5) as talk:
        assert talk.ask(said).status == 400
        assert talk.rest() == b""


def test_a_head_is_answered_without_a_body(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        answer = talk.ask(b"HEAD /api/room/list HTTP/1.1\r\nHost: x\r\nbad\r\n\r\n", bodiless=True)
        assert (answer.status, talk.rest()) == (400, b"")
