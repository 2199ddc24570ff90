"""Saying something."""

from typing import Any

from chat.protocols.tcp.conversation import Conversation
from chat.protocols.tcp.requests import handles
from chat.protocols.tcp.schemas import Say
from chat.services.messages import Draft


@handles("chat_message", Say)
def say(client: Conversation, request: dict[str, Any]) -> None:
    """Store a message. It comes back to the sender as it goes to all others: that is the answer."""
    group = client.group(request["chat_group_id"], request["chat_group_name"])
    draft = Draft(text=request["content"], client_message_id=request["client_message_id"])
    message = client.within(group, lambda ref: client.chat.messages.send(client.actor, ref, draft))
    if client.was_pushed(message):
        # Sent once more, as its answer was lost: it is not pushed again, and answered all the same.
        client.peer.send(client.encode(message))
