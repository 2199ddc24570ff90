"""What is read from heads, and which ones are refused."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.server import http_heads
from chat.server.http_heads import FramingError, Head, read, read_all, read_request_line


def head(*lines: str, first: str = "GET / HTTP/1.1") -> Head:
    return read("\r\n".join([first, "Host: x", *lines, "", ""]).encode("latin-1"))


def test_fields_keep_their_order() -> None:
    assert head("A:  b\t", "cookie: c", "A:").fields == [(b"host", b"x"), (b"a", b"b"), (b"cookie", b"c"), (b"a", b"")]


@pytest.mark.parametrize(
    ("lines", "version", "closes"),
    [
        ([], 1, False),
        (["Connection: keep-alive"], 1, False),
        (["Connection: TE, Close"], 1, True),
        (["Connection: keep-alive", "Connection: close"], 1, True),
        ([], 0, True),
        (["Connection: Keep-Alive, Upgrade"], 0, False),
        (["Connection: keep-alive, close"], 0, True),
    ],
)
def test_when_a_connection_closes(lines: list[str], version: int, closes: bool) -> None:
    assert head(*lines, first=f"GET / HTTP/1.{version}").closes is closes


def test_the_host_of_a_whole_uri_counts() -> None:
    line = head(first="GET http://y:1/a?b HTTP/1.3").line
    assert (line.line, line.authority) == (b"GET /a?b HTTP/1.1", b"y:1")


@pytest.mark.parametrize("first", ["GET / HTTP/1.1", "OPTIONS * HTTP/1.0", "M-SEARCH /a%20b?%zz HTTP/1.1"])
def test_a_request_line_stays(first: str) -> None:
    assert read_request_line(first.encode()).line == first.encode()


def test_utf_8_in_a_path_is_escaped() -> None:
    assert read_request_line("GET /é HTTP/1.1".encode()).target == b"/%C3%A9"


@pytest.mark.parametrize(
    ("first", "status"),
    [
        ("GET / HTTP/2.0", 505),
        ("CONNECT a:1 HTTP/1.1", 501),
        ("GET a HTTP/1.1", 400),
        ("GET /%g1 HTTP/1.1", 400),
        ("get / HTTP/1.1", 400),
        ("GET /\x01 HTTP/1.1", 400),
        ("GET /\t HTTP/1.1", 400),
        ("GET /\x7f HTTP/1.1", 400),
    ],
)
def test_a_request_line_is_refused(first: str, status: int) -> None:
    with pytest.raises(FramingError) as refused:
        read_request_line(first.encode())
    assert refused.value.status.startswith(str(status))


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("Content-Length: 1\r\nContent-Length: 1", 400),
        ("Content-Length: 1\r\nX: y\r\ncontent-length:\t1", 400),
        ("Content-Length: +1", 400),
        ("Content-Length: 1 1", 400),
        ("Content-Length: 1,1", 400),
        ("Content-Length:", 400),
        ("Content-Length: 1\r\n b", 400),
        ("Content-Length: 1\r\nContent-Length: 1\r\nContent-Length: 1", 400),
        ("Content-Length: 1000000000000000000", 400),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 1", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked, chunked", 400),
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: gzip", 501),
        ("Transfer-Encoding: chunked, x", 501),
        ("Transfer-Encoding: identity\r\nX: y", 501),
        ("Transfer-Encoding: x y", 400),
        ("Transfer-Encoding:", 400),
        ("Cookie: a\r\n b", 400),
        ("Cookie:\r\n b", 400),
        ("Cookie: a\rb", 400),
        ("Cookie : a", 400),
        ("Cookie: a\nb: c", 400),
        ("Cookie: a\0b", 400),
        ("Cookie: a\x01b", 400),
        ("Cookie: a\x7fb", 400),
        ("Cookie", 400),
        (": a", 400),
        ("C\xe9: a", 400),
        ("Host: y", 400),
        ("Content-Type: a/b\r\nContent-Type: c/d", 400),
        ("Expect: a-miracle", 417),
        ("Authorization: " + "x" * 9000, 431),
        ("\r\n".join(f"a: {n}" for n in range(256)), 431),
    ],
)
def test_heads_that_are_refused(lines: str, status: int) -> None:
    with pytest.raises(FramingError) as refused:
        head(lines, first="POST / HTTP/1.1")
    assert refused.value.status.startswith(str(status))


def test_chunks_are_refused_in_http_1_0() -> None:
    with pytest.raises(FramingError):
        head("Transfer-Encoding: chunked", first="POST / HTTP/1.0")


def test_a_fold_after_the_length_is_refused() -> None:
    with pytest.raises(FramingError):
        read(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n b: c\r\nHost: x\r\n\r\n")


@pytest.mark.parametrize(
    "lines",
    [
        ["Host: x", "Content-Length: %d", "A: b"],
        ["Content-Length: %d", "Host: x", "A: b", "A: c"],
        ["Host: x", "content-length: %d"],
        ["Host: x", "Content-Length: %d", "Expect: 100-continue", "Connection: close"],
        ["Host: x", "A: " + "b" * 3000, "Content-Length: %d"],
        ["Host: x", "A: %d"],
        ["Host: x", "Authorization: Bearer %d", "Content-Length: %d"],
        ["Authorization: %d", "Host: x", "A: b"],
        ["Host: x", "authorization: %d", "Content-Length: 1"],
    ],
)
def test_heads_that_differ_in_their_length_or_authorization(lines: list[str]) -> None:
    """They are read alike, whether a similar one was read before or not."""
    for number in (1, 20, 300, 20):
        raw = ("\r\n".join(["POST /a HTTP/1.1", *lines, "", ""]).replace("%d", str(number))).encode()
        found, expected = read(raw), read_all(raw)
        assert sorted(found.fields) == sorted(expected.fields)
        assert found._replace(fields=[]) == expected._replace(fields=[])


_LINES = [
    "Host: x", "A: b", " folded", "\tfolded", "Content-Length: 3", "Content-Length:3", "content-length: 3",
    "Content-Length: ", "Content-Length: +3", "Content-Length: 3 ", "Authorization: t", "Authorization: Bearer t",
    "authorization: t", "Authorization: ", "Authorization:  t", "Authorization: t ", "Authorization: a  b",
    "Authorization: t\rA: b", "Authorization: t\nA: b", "Authorization: t\x00", "Authorization: \xe9",
    "Authorization: " + "t" * 1900, "Transfer-Encoding: chunked", "Transfer-Encoding: identity",
    "Expect: 100-continue",
]  # fmt: skip


@given(st.lists(st.sampled_from(_LINES), max_size=8))
def test_a_head_is_read_as_if_none_were_known(lines: list[str]) -> None:
    raw = "\r\n".join(["POST /a HTTP/1.1", "Host: x", *lines, "", ""]).encode("latin-1")
    assert _read_by(read, raw) == _read_by(read_all, raw)


@pytest.mark.parametrize("coding", ["Transfer-Encoding: identity", "Transfer-Encoding: chunked" + "\r\nA: b" * 256])
def test_a_head_is_refused_as_if_none_were_known(coding: str) -> None:
    """The reason is that of the whole head, with its length."""
    raw = f"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n{coding}\r\n\r\n".encode()
    assert _read_by(read, raw) == _read_by(read_all, raw) == "400 Bad Request"


def _read_by(way: Callable[[bytes], Head], raw: bytes) -> object:
    try:
        found = way(raw)
    except FramingError as error:
        return error.status
    return sorted(found.fields), found._replace(fields=[])


def test_a_known_head_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read(b"POST /known HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nAuthorization: t\r\nA: b\r\n\r\n")
    monkeypatch.setattr(http_heads, "HttpRequestParser", None)
    known = read(b"POST /known HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nAuthorization: Bearer u\r\nA: b\r\n\r\n")
    assert known.length == 8
    assert known.fields[-1] == (b"authorization", b"Bearer u")
