"""Steps of tests of conversations."""

from flask import Flask

from tests.contract.clients import FlaskTransport, PollingClient
from tests.contract.ims_client import FORM_HEADERS, ImsClient, form
from tests.pictures import picture


def shown(who: ImsClient, conversation_id: int) -> dict[str, object]:
    return next(each for each in who.conversations() if each["id"] == conversation_id)


def send(who: ImsClient, conversation_id: int, content: str, **more: object) -> int:
    """Send a message and return its id."""
    body = {"conversationId": conversation_id, "content": content, **more}
    assert who.ok("POST", "/conversations/messages", body) == {"code": 0, "info": "Succeed"}
    return int(who.messages(conversation_id)[-1]["id"])


def show(who: ImsClient, conversation_id: int) -> int:
    body = form({"conversationId": str(conversation_id)}, {"image": picture()})
    who.ok("POST", "/conversations/image", body, **FORM_HEADERS)
    return int(who.messages(conversation_id)[-1]["id"])


def polling(app: Flask, username: str) -> PollingClient:
    made = PollingClient(FlaskTransport(app))
    made.login(username)
    return made
