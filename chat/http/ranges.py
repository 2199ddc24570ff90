"""Conditional requests and byte ranges (RFC 9110, 13 and 14) for answers whose length is known."""

import re
from collections.abc import Iterable, Iterator
from typing import Protocol, cast, runtime_checkable

from flask import Response, request
from werkzeug.http import parse_date

# A list may have empty members (RFC 9110, 5.6.1).
_RANGE = re.compile(r"bytes[ \t]*=[ \t,]*([0-9]{0,1000})-([0-9]{0,1000})[ \t,]*", re.IGNORECASE)
# An answer without the content has its own values of these headers, or none.
_OF_CONTENT = (
    "Cache-Control", "Content-Length", "Content-Type", "Content-Disposition", "Content-Encoding", "ETag",
    "Last-Modified",
)  # fmt: skip


@runtime_checkable
class Seekable(Protocol):
    """A body that can be read from any of its bytes on."""

    def from_byte(self, start: int) -> Iterator[bytes]: ...


def answer_conditionally(response: Response) -> Response:
    """Turn the answer into a 304, 412, 206 or 416 if the request asks for it. It must have validators and
    Content-Length.
    """
    size = response.content_length
    response.make_conditional(request)
    if response.status_code == 412 or _was_modified(response):
        return _failed(response, 412, "precondition failed")
    if response.status_code != 200 or size is None:
        return response
    response.headers["Accept-Ranges"] = "bytes"
    wanted = _wanted(response) if request.method == "GET" else None  # RFC 9110, 14.2
    if wanted is None:
        return response
    start, end = _bounds(*wanted, size)
    if start >= end:
        failed = _failed(response, 416, "range not satisfiable")
        failed.headers["Content-Range"] = f"bytes */{size}"
        return failed
    pieces = response.response
    if isinstance(pieces, Seekable):
        response.response = _cut(pieces.from_byte(start), 0, end - start)
    else:
        response.response = _cut(cast(Iterable[bytes], pieces), start, end)
    response.direct_passthrough = False
    response.status_code = 206
    response.content_length = end - start
    response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response


def _was_modified(response: Response) -> bool:
    """Whether If-Unmodified-Since fails (RFC 9110, 13.1.4), which werkzeug leaves out."""
    limit, modified = request.if_unmodified_since, response.last_modified
    return "If-Match" not in request.headers and limit is not None and modified is not None and modified > limit


def _wanted(response: Response) -> tuple[str, str] | None:
    """Return the first and last byte of a single requested range. Other forms are ignored, as RFC 9110, 14.2 allows."""
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or asked[1] == asked[2] == "" or (asked[1] and asked[2] and int(asked[1]) > int(asked[2])):
        return None
    condition = request.headers.get("If-Range")
    return (asked[1], asked[2]) if condition is None or _still_holds(condition.strip(), response) else None


def _still_holds(condition: str, response: Response) -> bool:
    """Whether If-Range (RFC 9110, 13.1.5), a strong entity tag or a date, matches the answer."""
    if condition.startswith('"'):
        return condition == response.headers.get("ETag")
    date = parse_date(condition)
    return date is not None and date == response.last_modified


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(int(last) + 1, size) if last else size


def _cut(pieces: Iterable[bytes], start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes from start to end of the concatenated pieces."""
    at = 0
    try:
        for piece in pieces:
            if at >= end:
                return
            if at + len(piece) > start:
                yield piece[max(0, start - at) : end - at]
            at += len(piece)
    finally:
        if hasattr(pieces, "close"):
            pieces.close()


def _failed(response: Response, status: int, text: str) -> Response:
    response.close()
    for name in _OF_CONTENT:
        response.headers.pop(name, None)
    return Response(text + "\n", status, response.headers, mimetype="text/plain")
