"""The polling protocol: cookie login, /user, /room, /chat with the long poll /chat/pull.

See docs/protocols/polling.md; docs/specification.md, "polling".
"""

from flask import Flask

from chat.http import envelopes, openapi
from chat.protocols.polling import chat, equations, export, files, order, overview, room, roster, search, site, user
from chat.protocols.polling.errors import failure, wordings
from chat.protocols.polling.responses.done import Failed

PREFIXES = ("user", "room", "chat", "site")


def register(app: Flask) -> None:
    """Register the protocol's routes."""
    for module in (user, room, order, export, chat, search, equations, files, site, overview, roster):
        app.register_blueprint(module.bp)
    envelopes.register(app, PREFIXES, failure)
    envelopes.register_for_unknown(app, failure)
    openapi.register(app, "polling", "Polling", prefixes=PREFIXES, failed=Failed, failure=wordings)
