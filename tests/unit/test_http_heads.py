"""Heads as passed on to gunicorn's parser."""

import pytest

from chat.server.http_heads import read
from chat.server.request_targets import FramingError, read_request_line


def handed_on(*lines: str, first: str = "GET / HTTP/1.1") -> list[str]:
    head, _ = read("\r\n".join([first, "Host: x", *lines, "", ""]).encode("latin-1"))
    return head.cleaned.decode("latin-1").split("\r\n")[:-2]


def test_a_plain_head_is_handed_on_as_it_came() -> None:
    lines = ["Connection: keep-alive", "Upgrade: websocket", "Accept: */*"]
    assert handed_on(*lines) == ["GET / HTTP/1.1", "Host: x", *lines]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Cookie: a=b", "X: y", "cookie: c=d"], ["X: y", "Cookie: a=b; c=d"]),
        (["Connection: TE, Close"], ["Connection: close", "Connection: te"]),
        (["Connection: keep-alive", "Connection: close"], ["Connection: close"]),
        (["Connection: Keep-Alive, Upgrade"], ["Connection: keep-alive", "Connection: upgrade"]),
        (["Connection: TE"], ["Connection: TE"]),
        (["Upgrade: h2c, WebSocket"], ["Upgrade: websocket"]),
        (["Upgrade: h2c, foo"], ["Upgrade: h2c, foo"]),
        (["Transfer-Encoding: chunked"], []),
    ],
)
def test_ambiguous_heads_are_rewritten(lines: list[str], expected: list[str]) -> None:
    assert handed_on(*lines) == ["GET / HTTP/1.1", "Host: x", *expected]


def test_the_host_of_a_whole_uri_counts() -> None:
    assert handed_on(first="GET http://y:1/a?b HTTP/1.3") == ["GET /a?b HTTP/1.1", "Host: y:1"]


@pytest.mark.parametrize("first", ["GET / HTTP/1.1", "OPTIONS * HTTP/1.0", "M-SEARCH /a%20b?%zz HTTP/1.1"])
def test_a_request_line_stays(first: str) -> None:
    assert read_request_line(first.encode()).line == first.encode()


@pytest.mark.parametrize(
    ("first", "status"),
    [("GET / HTTP/2.0", 505), ("CONNECT a:1 HTTP/1.1", 501), ("GET a HTTP/1.1", 400), ("GET /%g1 HTTP/1.1", 400)],
)
def test_a_request_line_is_refused(first: str, status: int) -> None:
    with pytest.raises(FramingError) as refused:
        read_request_line(first.encode())
    assert refused.value.status.startswith(str(status))
