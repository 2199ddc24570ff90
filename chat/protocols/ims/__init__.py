"""The ims protocol (docs/protocols/ims.md; docs/specification.md, "ims"): accounts, friends, conversations, groups."""

from flask import Flask

from chat.http import envelopes, openapi
from chat.protocols.ims import account, conversations, friends, groups, invitations, manage, socket
from chat.protocols.ims.errors import failure, wordings
from chat.protocols.ims.responses import Failed

PREFIXES = (
    "account", "verify", "csrf", "search_user", "search_user_detail", "add_friend", "friend_requests",
    "friend_request_handle", "groups", "friends", "manage_friends", "conversations", "interface",
)  # fmt: skip


def register(app: Flask) -> None:
    """Register the protocol's routes."""
    for module in (account, friends, groups, conversations, manage, invitations, socket):
        app.register_blueprint(module.bp)
    envelopes.register(app, (*PREFIXES, "/ws"), failure)  # other paths under /ws belong to another protocol
    openapi.register(app, "ims", "IMS", prefixes=PREFIXES, failed=Failed, failure=wordings)
