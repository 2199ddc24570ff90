"""Failures, worded in the envelope of the protocol that owns the path.

Blueprint handlers never see a 404 or 405, so the whole application dispatches by the first segment of the path.
"""

import html
import logging
import re
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import Flask, Response, current_app, request
from flask.globals import request_ctx
from werkzeug.exceptions import HTTPException
from werkzeug.routing.exceptions import WebsocketMismatch

from chat.errors import ChatError, ErrorCode
from chat.http.context import prefers_chinese
from chat.http.error_messages import whole_seconds
from chat.server.ports import RETRY_SECONDS, Envelope

log = logging.getLogger(__name__)
# Failures of any request, besides those that its view declares.
ANYWHERE = frozenset(
    {
        ErrorCode.BODY_MALFORMED,
        ErrorCode.BODY_TOO_LARGE,
        ErrorCode.PATH_UNKNOWN,
        ErrorCode.METHOD_NOT_ALLOWED,
        ErrorCode.HANDSHAKE_INVALID,  # at a path without a WebSocket
        ErrorCode.REQUEST_REFUSED,
        ErrorCode.UNAVAILABLE,
        ErrorCode.INTERNAL,
    }
)
Render = Callable[[ChatError], Response]
_EXTENSION = "commonroom.envelopes"
_UNKNOWN = "*"  # stands for paths that belong to no protocol, in refusals before routing
_HEAD = re.compile(rb"[^ \t\r\n]+[ \t]+(?:https?://[^/ \r\n]*)?([^?\x00-\x20]*)")
_WANTS_PAGE = re.compile(rb"GET [^\r\n]*\r\n(?:[^\r\n]+\r\n)*?Accept:[^\r\n]*text/html", re.IGNORECASE)
_PAGE = (
    '<!doctype html><html lang="{language}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<meta name="color-scheme" content="light dark"><title>{status}</title><h1>{text}</h1><p>{status}</p>'
    '<p><a href="/">{home}</a></p></html>\n'
)
_LANGUAGE = re.compile(rb"\r\nAccept-Language:([^\r\n]*)", re.IGNORECASE)
_HANDSHAKE = re.compile(rb"\r\nUpgrade:[^\r\n]*websocket", re.IGNORECASE)
_PATH_MAX_BYTES = 256  # enough to find the protocol of a path


def init_app(app: Flask) -> None:
    app.extensions[_EXTENSION] = {}
    app.register_error_handler(Exception, _answer)


def register(app: Flask, parts: Iterable[str], render: Render) -> None:
    """Let `render` answer failures under /<part>; a part of the form "/address" matches only that address."""
    for part in parts:
        app.extensions[_EXTENSION][part] = render


def register_for_unknown(app: Flask, render: Render) -> None:
    """Let `render` word failures at paths that belong to no protocol, or cannot be read."""
    app.extensions[_EXTENSION][_UNKNOWN] = render


def _answer(error: Exception) -> Response:
    failure = _as_chat_error(error)
    response = _worded(failure, _render_of(current_app, request.path))
    retry_after = failure.data.get("retry_after")
    if isinstance(retry_after, int | float):
        response.headers["Retry-After"] = str(whole_seconds(retry_after))
    if isinstance(error, HTTPException) and error.code == 405:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    if response.status_code == 401:  # RFC 9110, 15.5.2; with a scheme for which browsers open no dialog
        response.headers["WWW-Authenticate"] = 'Bearer realm="Commonroom"'
    if failure.code is ErrorCode.UPGRADE_REQUIRED:
        response.headers["Upgrade"] = "websocket"
        response.headers["Connection"] = "Upgrade"
        response.headers["Sec-WebSocket-Version"] = "13"
    return response


def _worded(failure: ChatError, render: Render | None) -> Response:
    """Let the path's protocol answer; at a path of none a browser gets a page, any other client the form for these."""
    if render is not None:
        return render(failure)
    response: Response = current_app.extensions[_EXTENSION][_UNKNOWN](failure)
    response.vary.update(("Accept", "Accept-Language"))
    if request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("Accept", ""):
        response.set_data(_page(response.status.title(), _page_words(failure, response)))
        response.mimetype = "text/html"
    return response


_PAGE_WORDS = {
    ErrorCode.PATH_UNKNOWN: (
        "There is no page at this address. Check how it is written.",
        "此地址没有页面。请检查地址是否写对。",
    ),
    ErrorCode.NOT_SIGNED_IN: ("You are not logged in. Log in on the first page.", "未登录。请先在首页登录。"),
}
_REFUSED_WORDS = {  # by status
    "414": ("The address is too long.", "地址太长。"),
    "431": (
        "Your browser sends too much with its request. Delete this site's cookies, then try again.",
        "浏览器随请求发送的内容过多。请删除本站的 Cookie 后重试。",
    ),
    "503": ("The server is busy. Try again in a moment.", "服务器繁忙，请稍后重试。"),
}
_REFUSED_OTHERWISE = ("The server does not understand this request.", "服务器无法理解此请求。")


def _page_words(failure: ChatError, response: Response) -> str:
    """Return words without an API's terms."""
    words = _PAGE_WORDS.get(failure.code)
    return words[prefers_chinese()] if words else response.get_json()["feedback"]


def _render_of(app: Flask, path: str) -> Render | None:
    renders: dict[str, Render] = app.extensions[_EXTENSION]
    return renders.get(path.rstrip("/")) or renders.get(path.split("/")[1])


def refusals(app: Flask) -> Envelope:
    """Return the function that words refusals before routing: unreadable requests, and overload.

    Browsers that request a page get one, if the path belongs to no protocol. Runs on the loop: renderers must not do
    I/O.
    """

    def worded(head: bytes, status: str, reason: str) -> tuple[str, bytes] | None:
        line = _HEAD.match(head)
        path = unquote_to_bytes(line[1][:_PATH_MAX_BYTES]).decode("utf-8", "replace") if line else ""
        path = "/" + path.lstrip("/")  # as it is routed
        is_page = path == "/" and not _HANDSHAKE.search(head)
        render = None if is_page else _render_of(app, path)
        unknown: Render | None = app.extensions[_EXTENSION].get(_UNKNOWN)
        with app.request_context(_environ(path, _LANGUAGE.search(head))):
            if render is None and _WANTS_PAGE.match(head):
                text = _REFUSED_WORDS.get(status[:3], _REFUSED_OTHERWISE)[prefers_chinese()]
                return "text/html; charset=utf-8", _page(status, text).encode()
            if (render := render or unknown) is None:
                return None
            return "application/json", render(_refused(status, reason)).get_data()

    return worded


def _page(status: str, text: str) -> str:
    language, home = ("zh-CN", "回到首页") if prefers_chinese() else ("en", "To the first page")
    return _PAGE.format(language=language, status=html.escape(status), text=html.escape(text), home=home)


def _refused(status: str, reason: str) -> ChatError:
    match status[:3]:
        case "500":
            return ChatError(ErrorCode.INTERNAL)
        case "503":
            return ChatError(ErrorCode.UNAVAILABLE, retry_after=RETRY_SECONDS)
    return ChatError(ErrorCode.REQUEST_REFUSED, reason=f"{status}: {reason}")


def _environ(path: str, language: re.Match[bytes] | None) -> dict[str, Any]:
    """Of a request that has no more to it than what renders look at."""
    return {
        "REQUEST_METHOD": "GET", "PATH_INFO": path.encode().decode("latin-1"), "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http", "wsgi.input": BytesIO(),
        "HTTP_ACCEPT_LANGUAGE": language[1].decode("latin-1").strip() if language else "",
    }  # fmt: skip


def answer_at(app: Flask, path: str, failure: ChatError) -> Response:
    """Return what requests at a path get for a failure, outside of a request."""
    with app.request_context(_environ(path, None)):
        return _answer(failure)


def _as_chat_error(error: Exception) -> ChatError:
    if isinstance(error, ChatError):
        return error
    if isinstance(error, WebsocketMismatch):  # the path exists for the other kind of request
        is_handshake = request_ctx.url_adapter is not None and request_ctx.url_adapter.websocket
        if is_handshake:
            return ChatError(ErrorCode.HANDSHAKE_INVALID, reason="no WebSocket here")
        return ChatError(ErrorCode.UPGRADE_REQUIRED)
    if isinstance(error, HTTPException):
        match error.code:
            case 404:
                return ChatError(ErrorCode.PATH_UNKNOWN, path=request.path[:200])
            case 405:
                return ChatError(ErrorCode.METHOD_NOT_ALLOWED, method=request.method[:20])
            case 413:
                return ChatError(ErrorCode.BODY_TOO_LARGE, limit=current_app.config["MAX_CONTENT_LENGTH"])
            case code if code is not None and 400 <= code < 500:
                return ChatError(ErrorCode.BODY_MALFORMED, reason=error.name)
    log.error("unexpected failure at %s %s", request.method, request.path, exc_info=error)
    return ChatError(ErrorCode.INTERNAL)
