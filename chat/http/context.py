"""What of the application a request handler reaches for."""

from functools import lru_cache

from flask import Request, current_app, g, has_app_context, has_request_context, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from chat.live.clients import limited_address
from chat.security.events import LOCAL, Whence
from chat.services import Services

EXTENSION = "commonroom"


def this_request() -> Request:
    """The request itself. Each look through Flask's `request` is three calls: for what every request passes."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined]
    return found


def services() -> Services:
    """The services of the application that handles this request."""
    found: Services = current_app._get_current_object().extensions[EXTENSION]  # type: ignore[attr-defined]
    return found


def client_address() -> str:
    """Whom rate limits by address count: the peer, or whom the trusted proxies name."""
    return limited_address(request.remote_addr or "unknown")


def whence() -> Whence:
    """Protocol and address of the request or socket that this thread works for."""
    if has_request_context():
        return Whence((request.blueprint or "-").partition("_")[0], client_address())
    handler = g.get("handler") if has_app_context() else None
    if handler is None:
        return LOCAL
    return Whence(handler.form.partition(" ")[0], limited_address(handler.peer.address[0]))


def prefers_chinese() -> bool:
    """Which of the two languages the client would rather read. Without a wish: English."""
    return _prefers_chinese(this_request().headers.get("Accept-Language", ""))


@lru_cache(maxsize=256)  # browsers send one of few
def _prefers_chinese(header: str) -> bool:
    return parse_accept_header(header, LanguageAccept).best_match(["en", "zh"]) == "zh"
