"""Sending messages."""

from typing import Any

from chat.errors import SENDING_TEXT, ErrorCode
from chat.protocols.tcp.connection import Conversation
from chat.protocols.tcp.requests import Say
from chat.protocols.tcp.routes import handles
from chat.services.messages import Draft


@handles(
    "chat_message",
    Say,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    *SENDING_TEXT,
)
def say(client: Conversation, request: dict[str, Any]) -> None:
    """Store a message. It is pushed to the sender like to all others, which is the answer."""
    group = client.group(request["chat_group_id"], request["chat_group_name"])
    draft = Draft(text=request["content"], client_message_id=request["client_message_id"])
    message = client.within(group, lambda ref: client.chat.messages.send(client.actor, ref, draft))
    if client.was_pushed(message):
        # A retry after a lost answer: it is not pushed again, but answered.
        client.peer.send(client.encode(message))
