"""/chat: sending, pulling, and history."""

from typing import Any

from flask import Blueprint, Response, current_app

from chat.errors import SENDING_PICTURE, SENDING_TEXT, WRITING, ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import draft_of, parse_object, takes
from chat.http.context import prefers_chinese, services
from chat.http.long_poll import answer_when_new, news_response
from chat.http.overload import refused_when_late
from chat.http.query_params import asks
from chat.lanes import Lane, enter_lane
from chat.models import Actor
from chat.protocols.polling.cursors import parse_cursor
from chat.protocols.polling.errors import success
from chat.protocols.polling.render import Form, around_answer, form_of, history_answer, pull_renderer
from chat.protocols.polling.requests.messages import (
    TIMEOUT_MAX,
    AuthorsQuery,
    Cursors,
    Edit,
    HistoryQuery,
    OneMessage,
    Pinning,
    PullQuery,
    React,
    Send,
)
from chat.protocols.polling.requests.rooms import LeaveRoom
from chat.protocols.polling.responses.done import Done
from chat.protocols.polling.responses.messages import AuthorsFound, HistoryPage, Pulled
from chat.services.pulls import SHORT_ANSWER_BYTES, News, PullReader, approximate_bytes

CURSORS = Cursors()
ON_MESSAGES = (ErrorCode.ROOM_NOT_FOUND, ErrorCode.MESSAGE_NOT_FOUND, ErrorCode.RATE_LIMITED)
bp = Blueprint("polling_chat", __name__, url_prefix="/chat")


@bp.post("/send")
@refused_when_late
@signed_in
@takes(Send, long=Lane.PICTURES)
@answers(
    Done,
    ErrorCode.ROOM_NOT_FOUND,
    *SENDING_TEXT,
    *SENDING_PICTURE,
    ErrorCode.REPLY_NOT_FOUND,
    ErrorCode.MESSAGE_TYPE_UNKNOWN,
    ErrorCode.RATE_LIMITED,
    zh="发送消息。",
)
def send(actor: Actor, body: dict[str, Any]) -> Response:
    """Store a message and deliver it."""
    services().messages.send(actor, body["roomname"], draft_of(body["new_message"], image="img"))
    return success("Sent.", "已发送。")


@bp.route("/pull", methods=["GET", "POST"])
@signed_in
@asks(PullQuery)
@takes(Cursors, long=Lane.LONG)
@answers(Pulled, ErrorCode.ROOM_NOT_FOUND, ErrorCode.CURSOR_INVALID, zh="获取游标之后的消息；没有新消息则等待。")
def pull(actor: Actor, query: dict[str, Any], cursors: dict[str, int]) -> Response:
    """Return messages newer than the cursors, immediately or as soon as one arrives."""
    limit, timeout_s = query["limit"], query["timeout"]
    render = pull_renderer(form_of(query), prefers_chinese())
    if not cursors:
        return news_response(render, services().pulls.newest(actor, limit))
    looked_at = query["read"]

    def ask() -> tuple[PullReader, News]:
        return services().pulls.since(actor, cursors, limit, looked_at, changes=query["changes"])

    timeout_s = current_app.config["PULL_TIMEOUT"] if timeout_s is None else min(timeout_s, TIMEOUT_MAX)
    return answer_when_new(ask, timeout_s, _read, render, looked_at, tells_members=query["members"])


@bp.get("/history")
@signed_in
@asks(HistoryQuery)
@answers(
    HistoryPage,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.MESSAGE_NOT_FOUND,
    ErrorCode.CURSOR_INVALID,
    zh="较早的消息，按页返回，页内由旧到新。",
)
def history(actor: Actor, query: dict[str, Any]) -> Response:
    """Return a page of older messages, or of those around one, oldest first. Beyond the document."""
    room = query["roomname"]
    if query["around"]:
        near, middle = services().messages.around(actor, room, query["around"], query["limit"])
        if approximate_bytes(near) > SHORT_ANSWER_BYTES:
            enter_lane(Lane.LONG)
        return around_answer(near, middle, query["limit"], form_of(query))
    before = parse_cursor(room, query["before"]) if query["before"] else None
    limit = query["limit"]
    read = services().messages.timeline if query["changes"] else services().messages.history
    # one more than requested, to learn whether older ones exist
    found = read(actor, room, before, limit + 1)
    if approximate_bytes(found) > SHORT_ANSWER_BYTES:
        enter_lane(Lane.LONG)
    return history_answer(found, limit, form_of(query))


@bp.get("/authors")
@signed_in
@asks(AuthorsQuery)
@answers(AuthorsFound, ErrorCode.ROOM_NOT_FOUND, zh="一些消息的作者现在的名称、标记和头像。")
def authors(actor: Actor, query: dict[str, Any]) -> Response:
    """The authors of messages, each once, as they are called now, members or not. Beyond the document."""
    found = services().user_directory.authors(actor, query["roomname"], query["messages"])
    shown = [
        {"user": each.username, "user_id": each.id, "nickname": each.nickname, "teacher": each.is_teacher}
        | {"avatar": each.avatar}
        for each in found
    ]
    return success(f"{len(shown)} authors.", f"共 {len(shown)} 位作者。", authors=shown)


@bp.post("/edit")
@signed_in
@takes(Edit)
@answers(
    Done,
    *ON_MESSAGES,
    ErrorCode.NOT_SENDER,
    ErrorCode.NOT_A_TEXT,
    ErrorCode.NOT_FRIENDS,
    *WRITING,
    ErrorCode.EDIT_TOO_LATE,
    ErrorCode.EDIT_CROSSED,
    ErrorCode.MESSAGE_EMPTY,
    ErrorCode.MESSAGE_TOO_LONG,
    ErrorCode.QUOTA_USED,
    ErrorCode.CURSOR_INVALID,
    zh="编辑自己的文字消息。",
)
def edit(actor: Actor, body: dict[str, Any]) -> Response:
    """Edit one of the caller's texts. Beyond the document."""
    room, based_on = body["roomname"], body["edited"]
    seen = parse_cursor(room, based_on) if based_on is not None else None
    services().changes.edit(actor, room, body["id"], body["content"], based_on=seen)
    return success("Edited.", "已编辑。")


@bp.post("/react")
@signed_in
@takes(React)
@answers(
    Done,
    *ON_MESSAGES,
    ErrorCode.NOT_FRIENDS,
    *WRITING,
    ErrorCode.REACTION_INVALID,
    ErrorCode.REACTIONS_TOO_MANY,
    zh="用表情符号回应一条消息，或取消自己的回应。",
)
def react(actor: Actor, body: dict[str, Any]) -> Response:
    """Add an emoji to a message, or remove the caller's own. Beyond the document."""
    services().changes.react(actor, body["roomname"], body["id"], body["emoji"], is_on=body["on"])
    return success("Done.", "已完成。")


@bp.post("/typing")
@signed_in
@takes(LeaveRoom)
@answers(Done, ErrorCode.ROOM_NOT_FOUND, *WRITING, ErrorCode.RATE_LIMITED, zh="告诉其他人自己正在输入；不会保存。")
def typing(actor: Actor, body: dict[str, Any]) -> Response:
    """Tell others that one is writing; nothing is stored. Beyond the document."""
    services().changes.typing(actor, body["roomname"])
    return success("Told.", "已告知。")


@bp.post("/delete")
@signed_in
@takes(OneMessage)
@answers(Done, *ON_MESSAGES, ErrorCode.FORBIDDEN, zh="为所有人删除一条消息。")
def delete(actor: Actor, body: dict[str, Any]) -> Response:
    """Delete a message for all members: the caller's own, or any as the room's owner or admin. Beyond the document."""
    services().changes.delete_in(actor, body["roomname"], body["id"])
    return success("Deleted.", "已删除。")


@bp.post("/pin")
@signed_in
@takes(Pinning)
@answers(
    Done,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.ARCHIVED,
    ErrorCode.MUTED,
    ErrorCode.MESSAGE_NOT_FOUND,
    ErrorCode.PINS_TOO_MANY,
    ErrorCode.RATE_LIMITED,
    zh="置顶一条消息，或取消置顶（创建者、管理员和老师可用）。",
)
def pin(actor: Actor, body: dict[str, Any]) -> Response:
    """Pin a message, or unpin it: at most 10 in a room. For its owner, admins and teachers."""
    services().pins.pin(actor, body["roomname"], body["id"], is_on=body["on"])
    if body["on"]:
        return success("Pinned.", "已置顶。")
    return success("Unpinned.", "已取消置顶。")


@bp.get("/pins")
@signed_in
@asks(LeaveRoom)
@answers(HistoryPage, ErrorCode.ROOM_NOT_FOUND, zh="置顶的消息，最近置顶的在前。")
def pins(actor: Actor, query: dict[str, Any]) -> Response:
    """The pinned messages of a room, the last pinned first, in detail, with pictures as addresses."""
    found = services().pins.all(actor, query["roomname"])
    return history_answer(found, len(found), Form.LINKS)


def _read(raw: bytes) -> dict[str, int]:
    return CURSORS.load(parse_object(raw))
