"""The realtime protocol (docs/protocols/realtime.md; docs/specification.md, "realtime"): /User, /Login, /Room, and a
WebSocket at /.
"""

from flask import Flask

from chat.http import envelopes, openapi
from chat.protocols.realtime import room, socket, user
from chat.protocols.realtime.errors import TABLE, failure
from chat.protocols.realtime.schemas import Failed

PREFIXES = ("User", "Login", "Logout", "Room")


def register(app: Flask) -> None:
    """Serve the protocol's routes."""
    for module in (user, room, socket):
        app.register_blueprint(module.bp)
    envelopes.register(app, (*PREFIXES, ""), failure)  # "": handshakes at /
    openapi.register(
        app, "realtime", "Realtime", prefixes=PREFIXES, failed=Failed, failure=lambda code, _: [TABLE[code]]
    )
