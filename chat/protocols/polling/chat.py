"""/chat: sending, pulling, and older messages."""

from typing import Any

from flask import Blueprint, Response, current_app, request

from chat.errors import ChatError, ErrorCode
from chat.http.auth import signed_in
from chat.http.bodies import json_object, parse_object, takes
from chat.http.context import prefers_chinese, services
from chat.http.hold import answer_when_new, body_response
from chat.http.overload import refused_when_late
from chat.models import Actor
from chat.protocols.polling import queries
from chat.protocols.polling.answers import history_answer, pull_renderer
from chat.protocols.polling.cursors import parse_cursor
from chat.protocols.polling.errors import success
from chat.protocols.polling.schemas import Send
from chat.services.lookups import LIST_CAP
from chat.services.messages import Draft

bp = Blueprint("polling_chat", __name__, url_prefix="/chat")


@bp.post("/send")
@refused_when_late
@signed_in
@takes(Send)
def send(actor: Actor, body: dict[str, Any]) -> Response:
    """Store a message and deliver it."""
    services().messages.send(actor, body["roomname"], _draft(body["new_message"]))
    return success("Sent.", "已发送。")


@bp.route("/pull", methods=["GET", "POST"])
@signed_in
def pull(actor: Actor) -> Response:
    """What is new since the cursors, at once or as soon as there is something."""
    limit = queries.limit(request.args)
    timeout_s = queries.timeout(request.args, current_app.config["PULL_TIMEOUT"])
    detail = queries.flag(request.args, "detail")
    cursors = _cursors(json_object())
    render = pull_renderer(detail, prefers_chinese())
    if not cursors:
        return body_response(render(services().pulls.newest(actor, limit)))
    return answer_when_new(actor, lambda: services().pulls.since(actor, cursors, limit), timeout_s, _read, render)


@bp.get("/history")
@signed_in
def history(actor: Actor) -> Response:
    """Older messages, a page at a time, oldest first within it. Beyond the document."""
    room = queries.required(request.args, "roomname")
    raw = request.args.get("before", "")
    before = parse_cursor(room, raw) if raw else None
    found = services().messages.history(actor, room, before, queries.limit(request.args))
    return history_answer(found, queries.flag(request.args, "detail"))


def _read(raw: bytes) -> dict[str, int]:
    return _cursors(parse_object(raw))


def _cursors(body: dict[str, Any]) -> dict[str, int]:
    if len(body) > LIST_CAP:
        raise ChatError(ErrorCode.FIELD_INVALID, field="rooms")
    return {room: parse_cursor(room, value) for room, value in body.items()}


def _draft(new_message: dict[str, Any]) -> Draft:
    sent_id = new_message["client_message_id"]
    match new_message["type"]:
        case "text":
            return Draft(text=new_message["content"], client_message_id=sent_id)
        case "img":
            return Draft(image=new_message["content"], client_message_id=sent_id)
        case _:
            raise ChatError(ErrorCode.MESSAGE_TYPE_UNKNOWN)
