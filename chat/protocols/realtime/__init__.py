"""The realtime protocol: /User, /Login, /Room, and a WebSocket at /.

See docs/protocols/realtime.md; docs/specification.md, "realtime".
"""

from flask import Flask

from chat.http import envelopes, openapi
from chat.protocols.realtime import room, socket, user
from chat.protocols.realtime.errors import TABLE, failure
from chat.protocols.realtime.responses import Failed

PREFIXES = ("User", "Login", "Logout", "Room")


def register(app: Flask) -> None:
    """Register the protocol's routes."""
    for module in (user, room, socket):
        app.register_blueprint(module.bp)
    envelopes.register(app, (*PREFIXES, ""), failure)  # "" stands for handshakes at /
    openapi.register(
        app, "realtime", "Realtime", prefixes=PREFIXES, failed=Failed, failure=lambda code, _: [TABLE[code]]
    )
