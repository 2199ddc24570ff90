"""One request through gunicorn's own parser and the WSGI application. Runs in a thread, over bytes."""

import io
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.http.errors import ExpectationFailed, LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.http.parser import RequestParser

from chat.live.framing import Framed
from chat.live.heads import MOST_SHAPES
from chat.live.parking import ENVIRON_KEY, Hold, Parked, Upgrade
from chat.live.refusals import SECURITY_HEADERS
from chat.live.websocket import switching

log = logging.getLogger("gunicorn.error")

App = Callable[[Any, Any], Any]  # WSGI
SWITCHING = 101
_STATUS = {
    LimitRequestLine: "414 URI Too Long",
    LimitRequestHeaders: "431 Request Header Fields Too Large",
    ExpectationFailed: "417 Expectation Failed",
}


class Outgoing:
    """What gunicorn's Response takes for a socket. It only collects: a slow reader must not keep the thread."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.pieces.append(data)

    def send(self, data: bytes) -> int:
        """Only ever gunicorn's 100 Continue, which the loop has sent in time."""
        return len(data)


@dataclass(frozen=True, slots=True)
class Ending:
    """How to answer a parked request, and those after it that have the same head. Thousands may share one."""

    head: bytes  # but for Date and Content-Length
    close: bool
    answered: Callable[[], None] | None  # to be called for each
    written: Callable[[int, datetime], None] | None  # the same, where there is an access log


class Answer:
    """How a request ended: pieces to write and whether to close then, or go on as a socket; or parked."""

    __slots__ = ("began", "body", "close", "ending", "parked", "pieces", "upgrade")

    def __init__(self, pieces: list[bytes], *, close: bool) -> None:
        self.pieces = pieces
        self.close = close
        self.body: Iterator[bytes] | None = None  # that follows the pieces, and is gone through in threads
        self.parked: Parked | None = None
        self.ending: Ending | None = None  # of what is parked
        self.upgrade: Upgrade | None = None
        self.began: datetime | None = None


def run(worker: Any, framed: Framed, peer: Any, local: Any, hold: Hold, app: App | None = None) -> Answer:
    """Run the application, or `app`, on one request. Raises WrongLane; what goes wrong is an answer too."""
    try:
        return _run(worker, framed, peer, local, hold, app or worker.wsgi)
    except ParseException as error:
        status = _STATUS.get(type(error), "400 Bad Request")
        return Answer([worker.refusal(status, type(error).__name__, framed.head)], close=True)
    except Exception:
        log.exception("answering a request failed")
        return Answer([worker.refusal("500 Internal Server Error", "our mistake", framed.head)], close=True)


def _run(worker: Any, framed: Framed, peer: Any, local: Any, hold: Hold, app: App) -> Answer:
    out: Any = Outgoing()
    started = datetime.now()  # noqa: DTZ005 - gunicorn's access log takes the difference
    shape = framed.shape
    longest = worker.cfg.limit_request_field_size
    # A log may show the head itself, and a value may be too long where the shape's is not.
    if shape is None or worker.is_logged or len(framed.head) > longest > 0:
        request = next(RequestParser(worker.cfg, [framed.head, framed.body], peer))
        response, environ = wsgi.create(request, out, peer, local, worker.cfg)
        environ["wsgi.multithread"] = True
    else:
        request, known = _parsed(worker.cfg, shape.head, peer[0], local)
        response, environ = wsgi.Response(request, out, worker.cfg), known.copy()
        environ["wsgi.input"] = io.BytesIO(framed.body)
        environ["REMOTE_PORT"] = str(peer[1])
        environ.update(shape.values)
    environ[ENVIRON_KEY] = hold
    if framed.too_large or not worker.alive:
        response.force_close()

    def written(body_bytes: int, began: datetime = started) -> None:
        response.sent = body_bytes
        worker.log.access(response, request, environ, datetime.now() - began)  # noqa: DTZ005

    pieces = app(environ, response.start_response)
    if hold.streams:
        length, close = response.response_length or 0, response.should_close()
        written(length)
        answer = Answer([finished(_head(response, close=close), b"", length)], close=close)
        answer.body = _closing(pieces)
        return answer
    try:
        if hold.upgrade is not None and response.status_code == SWITCHING:
            written(0)
            answer = Answer([switching(hold.upgrade.accept)], close=False)
            answer.upgrade = hold.upgrade
            return answer
        if hold.parked is None:
            for piece in pieces:
                response.write(piece)
            response.close()
            written(response.sent)
            return Answer(out.pieces, close=response.should_close())
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    answer = Answer([], close=request.should_close())
    answer.parked = hold.parked
    ending = Ending(_head(response, close=answer.close), answer.close, hold.answered, None)
    if worker.is_logged:
        # This keeps the whole request, so only where it is needed.
        answer.ending, answer.began = replace(ending, written=written), started
    else:
        answer.ending = _same(ending)
    return answer


def server_options(_environ: Any, start_response: Any) -> list[bytes]:
    """A WSGI application for `OPTIONS *`: what the server as a whole can do (RFC 9110, 9.3.7)."""
    start_response("204 No Content", [("Allow", "DELETE, GET, HEAD, OPTIONS, POST, PUT"), *SECURITY_HEADERS])
    return []


@lru_cache(maxsize=MOST_SHAPES)
def _parsed(cfg: Any, shape: bytes, address: str, local: Any) -> tuple[Any, dict[str, Any]]:
    """What gunicorn reads out of a Shape's head, and the environ it makes of it, but for the values.

    To read a head takes it a quarter of all the code that a send runs through, and a class sends the same few shapes
    again and again. Raises ParseException.
    """
    out: Any = Outgoing()
    request = next(RequestParser(cfg, [shape], (address, 0)))
    _, environ = wsgi.create(request, out, (address, 0), local, cfg)
    environ["wsgi.multithread"] = True
    for name in ("gunicorn.socket", "wsgi.early_hints", "wsgi.input"):
        del environ[name]
    return request, dict(environ)


def forget_parsed() -> None:
    """The log files were opened anew: what was remembered still has the old ones."""
    _parsed.cache_clear()


def _head(response: Any, *, close: bool) -> bytes:
    """All of the answer's head but Date and Content-Length, which are known when it is given."""
    lines = [f"HTTP/1.1 {response.status}", f"Server: {response.version}"]
    lines.append("Connection: close" if close else "Connection: keep-alive")
    lines += [f"{name}: {value}" for name, value in response.headers if name.lower() != "content-length"]
    return "\r\n".join(lines).encode("latin-1")


@lru_cache(maxsize=256)
def _same(ending: Ending) -> Ending:
    """Equal ones as one object."""
    return ending


def _closing(pieces: Any) -> Iterator[bytes]:
    """A WSGI application's iterable, closed when it is through or given up."""
    try:
        yield from pieces
    finally:
        if hasattr(pieces, "close"):
            pieces.close()


def finished(head: bytes, body: bytes, length: int | None = None) -> bytes:
    """A held request's whole answer; with a length, what that many bytes begin with."""
    return _finished(head, body, int(time.time()), len(body) if length is None else length)


@lru_cache(maxsize=64)  # many readers get the same
def _finished(head: bytes, body: bytes, second: int, length: int) -> bytes:
    return b"%s\r\nDate: %s\r\nContent-Length: %d\r\n\r\n%s" % (head, _date(second), length, body)


@lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    return util.http_date(second).encode()
