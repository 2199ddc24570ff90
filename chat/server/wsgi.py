"""Runs the WSGI application on one request, and frames its answer for HTTP/1.1 (PEP 3333). In a thread, over bytes."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from gunicorn import SERVER, util

from chat.lanes import Lane, current_lane
from chat.server.environ import environ_of
from chat.server.host import Host
from chat.server.http_heads import Head, read
from chat.server.http_parser import Framed
from chat.server.known_heads import Ending
from chat.server.ports import BodyNotReceived, Held, HeldRequest, Receiving, Result, Streamed, Upgrade
from chat.server.refusals import SECURITY_HEADERS
from chat.server.websocket import accept_of, switching

log = logging.getLogger("gunicorn.error")
App = Callable[[Any, Any], Result]  # environ, start_response
LAST_CHUNK = b"0\r\n\r\n"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TEXT = re.compile(r"[ \t\x21-\x7e\x80-\xff]*")
_STATUS = re.compile(r"[0-9]{3}(?: [ \t\x21-\x7e\x80-\xff]*)?")
_KNOWN_CHARS = 100  # a cookie's token is longer
# Fields of a connection, which belong to the server (RFC 9110, 7.6.1). Not Upgrade, which 426 needs.
_OF_CONNECTION = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers",
        "transfer-encoding",
    }
)  # fmt: skip


def _field(name: str, value: str) -> tuple[str, str] | None:
    """Return a field as it is sent; None: it is the server's. Raises ValueError."""
    lower = name.lower()
    if lower in _OF_CONNECTION:
        return None
    if not _NAME.fullmatch(name) or not _TEXT.fullmatch(value):
        raise ValueError(f"invalid header {name!r}")  # its value may be secret
    return "Content-Length" if lower == "content-length" else name, value.strip(" \t")


_known_field = lru_cache(maxsize=256)(_field)  # most fields are the same in all answers


class Response:
    """One answer: `start_response`, then its body."""

    __slots__ = ("_has_no_body", "_is_10", "_is_head", "_pieces", "closes", "headers", "length", "sent", "status")

    def __init__(self, head: Head, *, closes: bool) -> None:
        """`closes`: the connection ends after it, also if the client wants more."""
        self._is_10 = head.line.is_10
        self._is_head = head.line.method == b"HEAD"
        self._has_no_body = False
        self._pieces: list[bytes] = []
        self.closes = closes or head.closes
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.length: int | None = None  # of the body
        self.sent = 0  # bytes of the body

    def start_response(
        self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Begin the answer, or replace it. Raises ValueError."""
        if not _STATUS.fullmatch(status):
            raise ValueError(f"invalid status {status!r}")
        self.status, self.headers, self.length = status, [], None
        code = int(status[:3])
        self._has_no_body = self._is_head or code < 200 or code in (204, 304)
        for name, value in headers:
            field = (_known_field if len(value) < _KNOWN_CHARS else _field)(name, value)
            if field is None:
                continue
            if field[0] == "Content-Length":
                if code < 200 or code == 204:  # RFC 9110, 8.6
                    continue
                self.length = int(value)
            self.headers.append(field)
        if self.length is None and not self.is_chunked and not self._has_no_body:
            self.closes = True  # the end of the connection is the end of the body
        return self.write

    @property
    def is_chunked(self) -> bool:
        """Whether the body is sent in chunks (RFC 9112, 7.1)."""
        return self.length is None and not self._is_10 and not self._has_no_body

    def write(self, piece: bytes) -> None:
        """Take the next part of the body, as far as its length allows."""
        if self._has_no_body:
            return
        if self.length is not None:
            piece = piece[: self.length - self.sent]
        if not piece:
            return
        self.sent += len(piece)
        self._pieces.append(chunk(piece) if self.is_chunked else piece)

    def whole(self) -> list[bytes]:
        """Return the head and the body."""
        if self.is_chunked:
            self._pieces.append(LAST_CHUNK)
        return [self.head(), *self._pieces]

    def head(self) -> bytes:
        """Return the head, to the empty line."""
        lines = [
            f"HTTP/1.{0 if self._is_10 else 1} {self.status}",
            f"Server: {SERVER}",
            f"Date: {_date(int(time.time()))}",
            f"Connection: {'close' if self.closes else 'keep-alive'}",
            *(["Transfer-Encoding: chunked"] if self.is_chunked else []),
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return "\r\n".join([*lines, "\r\n"]).encode("latin-1")

    def repeated_head(self) -> bytes:
        """Return the head of several answers: without Date and Content-Length, which `finished` adds."""
        lines = [f"HTTP/1.1 {self.status}", f"Server: {SERVER}"]
        lines.append("Connection: close" if self.closes else "Connection: keep-alive")
        lines += [f"{name}: {value}" for name, value in self.headers if name.lower() != "content-length"]
        return "\r\n".join(lines).encode("latin-1")


class Answer:
    """The result of a request: parts to write and whether to close, an upgrade to a socket, a held request, or a
    receiver of its body.
    """

    __slots__ = ("began", "body", "close", "ending", "held", "lane", "pieces", "receiving", "upgrade")

    def __init__(self, pieces: list[bytes], *, close: bool) -> None:
        self.pieces = pieces
        self.close = close
        self.body: Iterator[bytes] | None = None  # follows the parts, iterated in threads
        self.lane: Lane | None = None  # of these threads; None: the one for ordinary work
        self.held: HeldRequest | None = None
        self.ending: Ending | None = None  # of a held request
        self.receiving: Receiving | None = None
        self.upgrade: Upgrade | None = None
        self.began: datetime | None = None


def run(host: Host, framed: Framed, peer: Any, local: Any, app: App) -> Answer:
    """Run `app` on one request. Raises WrongLane; other errors become answers."""
    try:
        return _run(host, framed, peer, local, app)
    except BodyNotReceived:
        return Answer([host.refusal("400 Bad Request", "no body", framed.head)], close=True)
    except Exception:
        log.exception("answering a request failed")
        return Answer([host.refusal("500 Internal Server Error", "internal error", framed.head)], close=True)


def _run(host: Host, framed: Framed, peer: Any, local: Any, app: App) -> Answer:
    started = datetime.now()  # noqa: DTZ005 - gunicorn's access log takes the difference
    head = framed.parsed or read(framed.head)
    environ = environ_of(framed, head, peer, local, host.scheme)
    response = Response(head, closes=bool(framed.too_large or framed.coming or host.is_stopping))

    def written(body_bytes: int, began: datetime = started) -> None:
        response.sent = body_bytes
        if host.is_logged:
            host.log.access(response, _shown(head), environ, datetime.now() - began)  # noqa: DTZ005

    found = app(environ, response.start_response)
    if isinstance(found, Held):
        return _held(host, found, response, written, started)
    if isinstance(found, Streamed):
        return _streamed(response, found.pieces, written)
    if isinstance(found, Receiving):
        answer = Answer([], close=False)
        answer.receiving = found
        return answer
    if isinstance(found, Upgrade):
        written(0)
        answer = Answer([switching(accept_of(found.key))], close=False)
        answer.upgrade = found
        return answer
    for piece in _closing(found):
        response.write(piece)
    written(response.sent)
    return Answer(response.whole(), close=response.closes)


def _shown(head: Head) -> list[tuple[str, str]]:
    """Return the fields for the access log."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.fields]


def _held(
    host: Host, held: Held, response: Response, written: Callable[[int, datetime], None], started: datetime
) -> Answer:
    answer = Answer([], close=response.closes)
    answer.held = held.request
    ending = Ending(response.repeated_head(), answer.close, held.answered, None)
    if host.is_logged:
        # This keeps the whole request alive, so only if needed.
        answer.ending, answer.began = replace(ending, written=written), started
    else:
        answer.ending = _same(ending)
    return answer


def _streamed(response: Response, pieces: Any, written: Callable[[int], None]) -> Answer:
    """The beginning of an answer whose body is fetched as the client reads it; without a length it is chunked."""
    written(response.length or 0)
    answer = Answer([response.head()], close=response.closes)
    body = _closing(pieces)
    answer.body = _chunked(body) if response.is_chunked else body
    answer.lane = current_lane()
    return answer


def server_options(_environ: Any, start_response: Any) -> list[bytes]:
    """The WSGI application for `OPTIONS *`: abilities of the whole server (RFC 9110, 9.3.7)."""
    start_response("204 No Content", [("Allow", "DELETE, GET, HEAD, OPTIONS, POST, PUT"), *SECURITY_HEADERS])
    return []


@lru_cache(maxsize=256)
def _same(ending: Ending) -> Ending:
    """Return one shared instance for equal values."""
    return ending


def _closing(pieces: Any) -> Iterator[bytes]:
    """Yield a WSGI application's parts, and close its iterable at the end or on abort."""
    try:
        yield from pieces
    finally:
        if hasattr(pieces, "close"):
            pieces.close()


def _chunked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Frame the parts as chunks. An empty part only gives others their turn."""
    for piece in pieces:
        yield chunk(piece) if piece else b""
    yield LAST_CHUNK


def chunk(piece: bytes) -> bytes:
    """Frame a part of a body (RFC 9112, 7.1). Not an empty one, which would end the body."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def last(head: bytes) -> bytes:
    """Return a head of several answers for the last one of a connection."""
    return head.replace(b"Connection: keep-alive", b"Connection: close", 1)


def finished(head: bytes, body: bytes, length: int | None = None) -> bytes:
    """Build a held request's whole answer; with a length, its beginning."""
    return _finished(head, body, int(time.time()), len(body) if length is None else length)


@lru_cache(maxsize=64)  # many readers get the same answer
def _finished(head: bytes, body: bytes, second: int, length: int) -> bytes:
    return b"%s\r\nDate: %s\r\nContent-Length: %d\r\n\r\n%s" % (head, _date(second).encode(), length, body)


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return util.http_date(second)
