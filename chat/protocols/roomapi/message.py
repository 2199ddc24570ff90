"""/api/message: sending and history."""

from typing import Any

from flask import Blueprint, Response, request

from chat.errors import ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import draft_of, takes
from chat.http.context import services
from chat.http.overload import refused_when_late
from chat.http.query_params import Body, asks
from chat.lanes import Lane
from chat.models import Actor
from chat.protocols.roomapi import render as shown
from chat.protocols.roomapi.errors import SEND_FAILURES, success
from chat.protocols.roomapi.requests import LIMIT_MAX, Page, Send
from chat.protocols.roomapi.responses import MessagesFound, Sent

bp = Blueprint("roomapi_message", __name__, url_prefix="/api/message")


@bp.post("/send")
@refused_when_late
@signed_in
@takes(Send, long=Lane.PICTURES)
@answers(Sent, *SEND_FAILURES, zh="发送消息。")
def send(actor: Actor, body: dict[str, Any]) -> Response:
    """Store a message, deliver it, and return it."""
    place = shown.here()  # first: after the message is stored, nothing may fail
    stored = services().messages.send(actor, body["room_id"], draft_of(body, image="image"))
    return success("发送成功", shown.message(stored, place))


@bp.route("/list", methods=["GET", "POST"])
@signed_in
@asks(Page, body=Body.COUNTS)
@answers(MessagesFound, ErrorCode.ROOM_NOT_FOUND, zh="获取较早的消息，由新到旧。")
def history(actor: Actor, asked: dict[str, Any]) -> Response:
    """Return a page of older messages, newest first."""
    before_id = asked["last_message_id"] or None
    limit = max(1, min(asked["limit"], LIMIT_MAX))
    found = services().messages.history(actor, asked["room_id"], None, limit, before_id=before_id)
    # The document defines GET; the published client uses POST.
    place = shown.here(is_published_client=request.method == "POST")
    return success("历史消息获取成功", [shown.message(message, place) for message in reversed(found)])
