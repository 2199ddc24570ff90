"""Ranges of streamed answers, and the headers of a refused range."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask, Response

from chat.http.ranges import answer_conditionally

MODIFIED = datetime(2026, 11, 1, 12, tzinfo=UTC)
AT, BEFORE = "Sun, 01 Nov 2026 12:00:00 GMT", "Sun, 01 Nov 2026 11:59:59 GMT"
PIECES = [b"012", b"3456", b"", b"789"]


def asked(given: str, *, method: str = "GET", **more: str) -> tuple[Response, list[str]]:
    """Answer a Range header, and others; also return the closed streams."""
    closed: list[str] = []

    class Pieces:
        def __iter__(self) -> Iterator[bytes]:
            return iter(PIECES)

        def close(self) -> None:
            closed.append("pieces")

    with Flask(__name__).test_request_context("/", method=method, headers={"Range": given, **more}):
        response = Response(Pieces(), mimetype="image/png")
        response.content_length = 10
        response.headers["Cache-Control"] = "max-age=31536000, immutable"
        response.headers["X-Kept"] = "yes"
        response.set_etag("tag")
        response.last_modified = MODIFIED
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
        ("bytes=8-99999999999999999999", b"89", "bytes 8-9/10"),
        ("bytes= , 1-1 ,", b"1", "bytes 1-1/10"),
    ],
)
def test_a_part_is_cut_across_pieces(given: str, body: bytes, shown: str) -> None:
    response, closed = asked(given)
    assert (response.status_code, response.get_data()) == (206, body)
    assert (response.headers["Content-Range"], response.content_length) == (shown, len(body))
    assert closed == ["pieces"]


@pytest.mark.parametrize("given", ["bytes=10-", "bytes=11-12", "bytes=-0", "bytes=99999999999999999999-"])
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


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"If-Unmodified-Since": BEFORE}, 412),
        ({"If-Unmodified-Since": AT}, 206),
        ({"If-Unmodified-Since": "yesterday"}, 206),
        ({"If-Unmodified-Since": BEFORE, "If-Match": '"tag"'}, 206),
        ({"If-Unmodified-Since": BEFORE, "If-None-Match": '"tag"'}, 412),
        ({"If-Match": '"other"'}, 412),
        ({"If-Range": BEFORE}, 200),
        ({"If-Range": AT}, 206),
    ],
)
def test_conditions_come_before_ranges(conditions: dict[str, str], status: int) -> None:
    response, closed = asked("bytes=0-1", **conditions)
    assert response.status_code == status
    response.get_data()
    assert closed == ["pieces"] or status == 200


def test_head_has_no_range() -> None:
    assert asked("bytes=0-1", method="HEAD")[0].status_code == 200
