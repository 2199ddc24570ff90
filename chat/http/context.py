"""Access to the application and the current request for handlers."""

import re
from collections.abc import Callable
from functools import lru_cache

from flask import Request, current_app, g, has_app_context, has_request_context, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from chat.security.events import LOCAL, Whence
from chat.server.client_identity import limited_address
from chat.server.ports import Arrival
from chat.services import Services

EXTENSION = "commonroom"
ARRIVAL_KEY = "commonroom.arrival"  # where a request's environ keeps its Arrival
PROGRAM_MAX_CHARS = 160
_UNSHOWN = re.compile("[^\x20-\x7e]+")
# The request itself: each access through Flask's proxy costs three calls, which the hot path avoids.
this_request: Callable[[], Request] = request._get_current_object  # type: ignore[attr-defined]


def arrival() -> Arrival | None:
    """Return the Arrival of the current request; None on servers other than this project's."""
    found: Arrival | None = this_request().environ.get(ARRIVAL_KEY)
    return found


def services() -> Services:
    """Return the services of the current application."""
    found: Services = current_app._get_current_object().extensions[EXTENSION]  # type: ignore[attr-defined]
    return found


def client_address() -> str:
    """Return the address for rate limits: the peer's, or the one reported by trusted proxies."""
    return limited_address(request.remote_addr or "unknown")


def whence() -> Whence:
    """Return protocol and address of the request or socket that this thread handles."""
    if has_request_context():
        program = _UNSHOWN.sub("", request.headers.get("User-Agent", "")[:PROGRAM_MAX_CHARS])
        return Whence((request.blueprint or "-").partition("_")[0], client_address(), program)
    handler = g.get("handler") if has_app_context() else None
    if handler is None:
        return LOCAL
    return Whence(handler.form.partition(" ")[0], limited_address(handler.peer.address[0]))


def prefers_chinese() -> bool:
    """Whether the client prefers Chinese to English. The default is English."""
    return _prefers_chinese(this_request().headers.get("Accept-Language", ""))


@lru_cache(maxsize=256)  # browsers send one of few values
def _prefers_chinese(header: str) -> bool:
    return parse_accept_header(header, LanguageAccept).best_match(["en", "zh"]) == "zh"
