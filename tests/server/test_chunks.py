"""Bodies in chunks, well and badly formed."""

import time

import pytest

from tests.raw import Talk, chunked, get
from tests.server.conftest import Shared

LONG = b'{"room ' + b"x" * 50 + b'":' + b" " * 70_000 + b'""}'
GOOD_CHUNKS = {
    "one": b'D\r\n{"room x": ""}\r\n0\r\n\r\n'.replace(b"D", b"e"),
    "upper case, zeros": b'000E\r\n{"room x": ""}\r\n000\r\n\r\n',
    "two": b'6\r\n{"room\r\n8\r\n x": ""}\r\n0\r\n\r\n',
    "each byte": b"".join(b"1\r\n%c\r\n" % byte for byte in b'{"room x": ""}') + b"0\r\n\r\n",
    "line end inside": b'10\r\n{"room x":\r\n ""}\r\n0\r\n\r\n',
    "extensions": b'e;a;b=c;d="e f"\r\n{"room x": ""}\r\n0;last\r\n\r\n',
    "trailers": b'e\r\n{"room x": ""}\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n',
    "long": b"%x\r\n%s\r\n0\r\n\r\n" % (len(LONG), LONG),
}


@pytest.mark.parametrize("body", GOOD_CHUNKS.values(), ids=GOOD_CHUNKS.keys())
def test_chunks(shared: Shared, body: bytes) -> None:
    head = chunked("/chat/pull?timeout=0", f"Authorization: {shared.token}")
    with Talk(shared.server) as talk:
        for _ in range(3):
            assert "room x" in talk.ask(head + body).json()["feedback"]
        talk.send((head + body) * 3 + get("/healthz"))
        for _ in range(3):
            assert "room x" in talk.answer().json()["feedback"]
        assert talk.answer().status == 200


def test_chunks_split_at_every_byte(shared: Shared) -> None:
    head = chunked("/chat/pull?timeout=0", f"Authorization: {shared.token}")
    body = b'6;a=b\r\n{"room\r\n8\r\n x": ""}\r\n0\r\nX-Sum: 1\r\n\r\n'
    with Talk(shared.server) as talk:
        for cut in range(len(body) + 1):
            talk.send(head + body[:cut])
            time.sleep(0.002)
            talk.send(body[cut:])
            assert "room x" in talk.answer().json()["feedback"], body[:cut]
        for byte in head + body:
            talk.send(bytes([byte]))
            time.sleep(0.0005)
        assert "room x" in talk.answer().json()["feedback"]


def test_a_chunked_pull_can_be_held(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        for _ in range(3):
            head = chunked("/chat/pull?timeout=0.2", f"Authorization: {shared.token}")
            assert talk.ask(head + b'e\r\n{"public": ""}\r\n0\r\n\r\n').json()["public"] == []


def test_a_trailer_is_no_header(shared: Shared) -> None:
    with Talk(shared.server) as talk:
        body = b"0\r\nAuthorization: %s\r\n\r\n" % shared.token.encode()
        assert talk.ask(chunked("/chat/pull?timeout=0") + body).status in {400, 401}


BAD_CHUNKS = {
    "size is no number": b"zz\r\n{}\r\n0\r\n\r\n",
    "size is empty": b"\r\n{}\r\n0\r\n\r\n",
    "size is empty, with an extension": b";a=b\r\n{}\r\n0\r\n\r\n",
    "hexadecimal prefix": b"0x2\r\n{}\r\n0\r\n\r\n",
    "underscore": b"0_2\r\n{}\r\n0\r\n\r\n",
    "plus": b"+2\r\n{}\r\n0\r\n\r\n",
    "negative": b"-2\r\n{}\r\n0\r\n\r\n",
    "space first": b" 2\r\n{}\r\n0\r\n\r\n",
    "no line end after the data": b"2\r\n{}0\r\n\r\n",
    "data longer than its size": b"1\r\n{}\r\n0\r\n\r\n",
    "bare line feeds": b"2\n{}\n0\n\n",
    "bare line feed after the size": b"2\n{}\r\n0\r\n\r\n",
    "bare line feed after the data": b"2\r\n{}\n0\r\n\r\n",
    "bare carriage return in an extension": b"2;a\rb\r\n{}\r\n0\r\n\r\n",
    "line feed in an extension": b"2;a\nb\r\n{}\r\n0\r\n\r\n",
    "NUL in an extension": b"2;a\0b\r\n{}\r\n0\r\n\r\n",
    "overlong size": b"0" * 20_000 + b"2\r\n{}\r\n0\r\n\r\n",
    "endless size": b"0" * 20_000,
    "overlong extension": b"2;" + b"a" * 20_000 + b"\r\n{}\r\n0\r\n\r\n",
    "endless extension": b"2;" + b"a" * 20_000,
    "bare line feed in a trailer": b"2\r\n{}\r\n0\r\nX: 1\nY: 2\r\n\r\n",
    "folded trailer": b"2\r\n{}\r\n0\r\nX: 1\r\n 2\r\n\r\n",
    "trailer without a name": b"2\r\n{}\r\n0\r\n: 1\r\n\r\n",
}


@pytest.mark.parametrize("known", [False, True], ids=["fresh", "known"])
@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_bad_chunks(shared: Shared, body: bytes, known: bool) -> None:
    head = chunked("/chat/pull?timeout=0", f"Authorization: {shared.token}")
    with Talk(shared.server, timeout=5) as talk:
        if known:
            for _ in range(2):
                assert talk.ask(head + b'e\r\n{"public": ""}\r\n0\r\n\r\n').status == 200
        tail = b"" if len(body) >= 20_000 else get("/smuggled")
        answer = talk.ask(head + body + tail)
        assert (answer.status, answer.json()["status"]) == (400, "failure")
        assert talk.rest() == b""
    assert shared.server.healthy()


def test_endless_trailers(shared: Shared) -> None:
    with Talk(shared.server, timeout=5) as talk:
        talk.send(chunked("/chat/pull?timeout=0", f"Authorization: {shared.token}") + b"2\r\n{}\r\n0\r\n")
        try:
            for n in range(20_000):
                talk.send(b"X-%d: %s\r\n" % (n, b"x" * 50))
        except (BrokenPipeError, ConnectionResetError):
            pass
        else:
            assert talk.answer().status in {400, 431}
    assert shared.server.healthy()
