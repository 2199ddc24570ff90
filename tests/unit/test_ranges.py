"""Ranges of streamed answers, and the headers of a refused range."""

from collections.abc import Iterator

import pytest
from flask import Flask, Response

from chat.http.ranges import answer_conditionally

PIECES = [b"012", b"3456", b"", b"789"]


def asked(given: str, *, method: str = "GET") -> tuple[Response, list[str]]:
    """Answer a Range header; also return the closed streams."""
    closed: list[str] = []

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            return iter(PIECES)

        def close(self) -> None:
            closed.append("pieces")

    with Flask(__name__).test_request_context("/", method=method, headers={"Range": given}):
        response = Response(Pieces(), mimetype="image/png")
        response.content_length = 10
        response.headers["Cache-Control"] = "max-age=31536000, immutable"
        response.headers["X-Kept"] = "yes"
        response.set_etag("tag")
        return answer_conditionally(response), closed


@pytest.mark.parametrize(
    ("given", "body", "shown"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-6", b"23456", "bytes 2-6/10"),
        ("bytes=3-", b"3456789", "bytes 3-9/10"),
        ("bytes=9-99", b"9", "bytes 9-9/10"),
        ("bytes=-4", b"6789", "bytes 6-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ],
)
def test_a_part_is_cut_across_pieces(given: str, body: bytes, shown: str) -> None:
    response, closed = asked(given)
    assert (response.status_code, response.get_data()) == (206, body)
    assert (response.headers["Content-Range"], response.content_length) == (shown, len(body))
    assert closed == ["pieces"]


@pytest.mark.parametrize("given", ["bytes=10-", "bytes=11-12", "bytes=-0"])
def test_ranges_past_the_end_are_refused_and_not_cached(given: str) -> None:
    response, closed = asked(given)
    assert (response.status_code, response.headers["Content-Range"]) == (416, "bytes */10")
    assert response.headers["X-Kept"] == "yes"
    assert "Cache-Control" not in response.headers
    assert "ETag" not in response.headers
    assert response.get_data() == b"range not satisfiable\n"
    assert closed == ["pieces"]


@pytest.mark.parametrize("given", ["bytes=5-2", "bytes=0-1,3-4", "bytes=", "lines=1-2", ""])
def test_invalid_and_multiple_ranges_are_ignored(given: str) -> None:
    response, _ = asked(given)
    assert (response.status_code, response.get_data()) == (200, b"".join(PIECES))
    assert response.headers["Accept-Ranges"] == "bytes"


def test_head_has_no_range() -> None:
    assert asked("bytes=0-1", method="HEAD")[0].status_code == 200
