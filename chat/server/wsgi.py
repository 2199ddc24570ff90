"""Runs one request through gunicorn's parser and the WSGI application. In a thread, over bytes."""

import io
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.http.errors import ExpectationFailed, LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.http.parser import RequestParser

from chat.lanes import Lane, current_lane
from chat.server.host import Host
from chat.server.http_heads import MOST_SHAPES
from chat.server.http_parser import Framed
from chat.server.known_heads import Ending
from chat.server.ports import ENVIRON_KEY, Arrival, Held, HeldRequest, Streamed, Upgrade, Wsgi
from chat.server.refusals import SECURITY_HEADERS
from chat.server.websocket import accept_of, switching

log = logging.getLogger("gunicorn.error")

SWITCHING = 101
_STATUS = {
    LimitRequestLine: "414 URI Too Long",
    LimitRequestHeaders: "431 Request Header Fields Too Large",
    ExpectationFailed: "417 Expectation Failed",
}


class Outgoing:
    """The socket for gunicorn's Response. It only collects, so that a slow reader does not block the thread."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.pieces.append(data)

    def send(self, data: bytes) -> int:
        """Only receives gunicorn's 100 Continue, which the loop has already sent."""
        return len(data)


class Answer:
    """The result of a request: parts to write and whether to close, an upgrade to a socket, or a held request."""

    __slots__ = ("began", "body", "close", "ending", "held", "lane", "pieces", "upgrade")

    def __init__(self, pieces: list[bytes], *, close: bool) -> None:
        self.pieces = pieces
        self.close = close
        self.body: Iterator[bytes] | None = None  # follows the parts, iterated in threads
        self.lane: Lane | None = None  # of these threads; None: the one for ordinary work
        self.held: HeldRequest | None = None
        self.ending: Ending | None = None  # of a held request
        self.upgrade: Upgrade | None = None
        self.began: datetime | None = None


def run(host: Host, framed: Framed, peer: Any, local: Any, arrival: Arrival, app: Wsgi | None = None) -> Answer:
    """Run the application, or `app`, on one request. Raises WrongLane; other errors become answers."""
    try:
        return _run(host, framed, peer, local, arrival, app or host.application.wsgi)
    except ParseException as error:
        status = _STATUS.get(type(error), "400 Bad Request")
        return Answer([host.refusal(status, type(error).__name__, framed.head)], close=True)
    except Exception:
        log.exception("answering a request failed")
        return Answer([host.refusal("500 Internal Server Error", "internal error", framed.head)], close=True)


def _run(host: Host, framed: Framed, peer: Any, local: Any, arrival: Arrival, app: Wsgi) -> Answer:
    out: Any = Outgoing()
    started = datetime.now()  # noqa: DTZ005 - gunicorn's access log takes the difference
    request, response, environ = _read(host, framed, peer, local, out)
    environ[ENVIRON_KEY] = arrival
    if framed.too_large or framed.coming or host.is_stopping:
        response.force_close()

    def written(body_bytes: int, began: datetime = started) -> None:
        response.sent = body_bytes
        host.log.access(response, request, environ, datetime.now() - began)  # noqa: DTZ005

    found = app(environ, response.start_response)
    if isinstance(found, Held):
        return _held(host, found, request, response, written, started)
    if isinstance(found, Streamed):
        return _streamed(response, found.pieces, written)
    if isinstance(found, Upgrade):
        written(0)
        answer = Answer([switching(accept_of(found.key))], close=False)
        answer.upgrade = found
        return answer
    for piece in _closing(found):
        response.write(piece)
    response.close()
    written(response.sent)
    return Answer(out.pieces, close=response.should_close())


def _held(
    host: Host, held: Held, request: Any, response: Any, written: Callable[[int, datetime], None], started: datetime
) -> Answer:
    answer = Answer([], close=request.should_close())
    answer.held = held.request
    ending = Ending(_head(response, close=answer.close), answer.close, held.answered, None)
    if host.is_logged:
        # This keeps the whole request alive, so only if needed.
        answer.ending, answer.began = replace(ending, written=written), started
    else:
        answer.ending = _same(ending)
    return answer


def _read(host: Host, framed: Framed, peer: Any, local: Any, out: Any) -> tuple[Any, Any, Any]:
    """Return gunicorn's request and response, and the environ."""
    shape = framed.shape
    longest = host.cfg.limit_request_field_size
    # The cache cannot be used if the access log needs the head, or if a value exceeds gunicorn's limit for fields.
    if shape is None or host.is_logged or len(framed.head) > longest > 0:
        request = next(RequestParser(host.cfg, [framed.head, framed.body], peer))
        response, environ = wsgi.create(request, out, peer, local, host.cfg)
        environ["wsgi.multithread"] = True
    else:
        request, known = _parsed(host.cfg, shape.head, peer[0], local)
        response, environ = wsgi.Response(request, out, host.cfg), known.copy()
        environ["wsgi.input"] = io.BytesIO(framed.body)
        environ["REMOTE_PORT"] = str(peer[1])
        environ.update(shape.values)
    return request, response, environ


def _streamed(response: Any, pieces: Any, written: Callable[[int], None]) -> Answer:
    """The beginning of an answer whose body is fetched as the client reads it; without a length it is chunked."""
    length, body = response.response_length, _closing(pieces)
    written(length or 0)
    if length is not None:
        close = response.should_close()
        head = finished(_head(response, close=close), b"", length)
    elif response.chunked:
        close, body = response.should_close(), _chunked(body)
        head = _without_length(_head(response, close=close) + b"\r\nTransfer-Encoding: chunked")
    else:
        close = True  # the end of the connection is the end of the body
        head = _without_length(_head(response, close=close))
    answer = Answer([head], close=close)
    answer.body = body
    answer.lane = current_lane()
    return answer


def server_options(_environ: Any, start_response: Any) -> list[bytes]:
    """The WSGI application for `OPTIONS *`: abilities of the whole server (RFC 9110, 9.3.7)."""
    start_response("204 No Content", [("Allow", "DELETE, GET, HEAD, OPTIONS, POST, PUT"), *SECURITY_HEADERS])
    return []


@lru_cache(maxsize=MOST_SHAPES)
def _parsed(cfg: Any, shape: bytes, address: str, local: Any) -> tuple[Any, dict[str, Any]]:
    """Return gunicorn's parsed request for a Shape's head and its environ without the values; cached.

    Parsing a head takes a quarter of the code that a send runs, and a class sends few shapes. Raises ParseException.
    """
    out: Any = Outgoing()
    request = next(RequestParser(cfg, [shape], (address, 0)))
    _, environ = wsgi.create(request, out, (address, 0), local, cfg)
    environ["wsgi.multithread"] = True
    for name in ("gunicorn.socket", "wsgi.early_hints", "wsgi.input"):
        del environ[name]
    return request, dict(environ)


def forget_parsed() -> None:
    """Clear the cache after log files were reopened, because it refers to the old ones."""
    _parsed.cache_clear()


def _head(response: Any, *, close: bool) -> bytes:
    """The answer's head except Date and Content-Length, which are added when it is sent."""
    lines = [f"HTTP/1.1 {response.status}", f"Server: {response.version}"]
    lines.append("Connection: close" if close else "Connection: keep-alive")
    lines += [f"{name}: {value}" for name, value in response.headers if name.lower() != "content-length"]
    return "\r\n".join(lines).encode("latin-1")


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
    """Frame the parts as chunks (RFC 9112, 7.1). An empty part only gives others their turn."""
    for piece in pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""
    yield b"0\r\n\r\n"


def _without_length(head: bytes) -> bytes:
    return b"%s\r\nDate: %s\r\n\r\n" % (head, _date(int(time.time())))


def finished(head: bytes, body: bytes, length: int | None = None) -> bytes:
    """Build a held request's whole answer; with a length, its beginning."""
    return _finished(head, body, int(time.time()), len(body) if length is None else length)


@lru_cache(maxsize=64)  # many readers get the same answer
def _finished(head: bytes, body: bytes, second: int, length: int) -> bytes:
    return b"%s\r\nDate: %s\r\nContent-Length: %d\r\n\r\n%s" % (head, _date(second), length, body)


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return util.http_date(second).encode()
