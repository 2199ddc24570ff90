"""The roomapi protocol (seed 001; specs, "roomapi"): {code, msg, data}, a token in Authorization, /api, a WebSocket."""

from flask import Flask

from chat.http import envelopes
from chat.protocols.roomapi import message, room, user
from chat.protocols.roomapi.errors import failure

PREFIXES = ("register", "login", "api", "ws")


def register(app: Flask) -> None:
    """Serve the protocol's routes."""
    for module in (user, room, message):
        app.register_blueprint(module.bp)
    envelopes.register(app, PREFIXES, failure)
