"""The roomapi protocol: {code, msg, data}, a token in Authorization, /api, a WebSocket.

See docs/protocols/roomapi.md; docs/specification.md, "roomapi".
"""

from flask import Flask

from chat.errors import ErrorCode
from chat.http import envelopes, openapi
from chat.http.api_spec import View
from chat.protocols.roomapi import message, room, socket, user
from chat.protocols.roomapi.errors import TABLE, failure
from chat.protocols.roomapi.responses import Failed

PREFIXES = ("register", "login", "api", "ws")


def register(app: Flask) -> None:
    """Register the protocol's routes."""
    for module in (user, room, message, socket):
        app.register_blueprint(module.bp)
    envelopes.register(app, PREFIXES, failure)
    openapi.register(app, "roomapi", "Roomapi", prefixes=PREFIXES, failed=Failed, failure=_words)


def _words(code: ErrorCode, _: View) -> list[tuple[int, str, str]]:
    status, chinese = TABLE[code]
    return [(status, chinese, chinese)]  # the wire has one text for both languages
