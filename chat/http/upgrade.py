"""WebSocket upgrades: a view returns `upgrade(handshake_key(), Handler)`, on a route with `websocket=True`.

The handshake is an ordinary request with sessions, origins and errors. After the 101, chat.server.websocket and the
Handler own the connection.
"""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from flask import Response, current_app, request

from chat.errors import ChatError, ErrorCode
from chat.http.context import arrival
from chat.http.handler import Handler
from chat.http.handler_session import HandlerSession
from chat.http.responses import UpgradeResponse
from chat.server.ports import Peer, Upgrade
from chat.services import Services

# what `handshake_key` raises
HANDSHAKE = (ErrorCode.UPGRADE_REQUIRED, ErrorCode.HANDSHAKE_INVALID, ErrorCode.SOCKETS_UNAVAILABLE)


def upgrade(
    key: str, make: Callable[[Peer, Services], Handler], abandoned: Callable[[], None] = lambda: None
) -> Response:
    """Answer the handshake. Then `make` constructs the Handler, in a thread; or `abandoned` is called, on the event
    loop, if the client has disconnected.
    """
    proxy: Any = current_app
    app = proxy._get_current_object()
    return UpgradeResponse(Upgrade(key, lambda: HandlerSession(app, make), abandoned))


def handshake_key() -> str:
    """Return the handshake's key after checking what RFC 6455 (4.2.1) requires.

    Raises UPGRADE_REQUIRED, HANDSHAKE_INVALID, and SOCKETS_UNAVAILABLE on servers other than LiveWorker.
    """
    headers = request.headers
    if request.method != "GET" or request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        raise ChatError(ErrorCode.HANDSHAKE_INVALID, reason="not GET by HTTP/1.1")
    is_upgrade = "upgrade" in _tokens("Connection") and "websocket" in _tokens("Upgrade")
    if not is_upgrade or headers.get("Sec-WebSocket-Version") != "13":
        raise ChatError(ErrorCode.UPGRADE_REQUIRED)
    key = headers.get("Sec-WebSocket-Key", "")
    try:
        is_key = len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        is_key = False
    if not is_key:
        raise ChatError(ErrorCode.HANDSHAKE_INVALID, reason="Sec-WebSocket-Key")
    if arrival() is None:
        raise ChatError(ErrorCode.SOCKETS_UNAVAILABLE)
    return key


def _tokens(header: str) -> list[str]:
    return [token.strip().lower() for token in request.headers.get(header, "").split(",")]
