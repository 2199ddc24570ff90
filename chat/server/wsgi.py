"""Runs the WSGI application on one request. In a thread, over bytes."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from chat.lanes import Lane, current_lane
from chat.server.environ import environ_of
from chat.server.host import Host
from chat.server.http_heads import Head, read
from chat.server.http_parser import Framed
from chat.server.known_heads import Ending
from chat.server.ports import BodyNotReceived, Held, HeldRequest, Receiving, Result, Streamed, Upgrade
from chat.server.refusals import SECURITY_HEADERS
from chat.server.response import LAST_CHUNK, Response, chunk
from chat.server.websocket import accept_of, switching

log = logging.getLogger("gunicorn.error")
App = Callable[[Any, Any], Result]  # environ, start_response


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
