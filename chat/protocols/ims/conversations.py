"""/conversations and /interface: list, messages, replies, search, deletion, and preferences."""

from typing import Any

from flask import Blueprint, Response, request

from chat.clock import to_iso, to_whole_iso
from chat.errors import SENDING, SENDING_PICTURE, SENDING_TEXT, ChatError, ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import bound_body, form_fields, is_clean, json_object, load, takes
from chat.http.context import services
from chat.http.overload import refused_when_late
from chat.http.paging_params import next_of, page_of
from chat.http.query_params import Body, asks
from chat.lanes import Lane
from chat.models import Actor, StoredMessage
from chat.protocols.ims.errors import Case, Special, success, words
from chat.protocols.ims.render import avatar, content, encoded, found_message, list_answer, message
from chat.protocols.ims.requests import (
    TEXT_MAX_CHARS,
    ImageForm,
    Interface,
    InterfaceChanges,
    ListOf,
    MessageFilter,
    NewConversation,
    NewImage,
    NewMessage,
    Page,
    SomeMessage,
)
from chat.protocols.ims.responses import (
    ConversationsFound,
    Done,
    InterfaceShown,
    MessageSearchFound,
    MessagesFound,
    RepliesFound,
    Told,
)
from chat.services.conversations import ConversationView, NewPreferences
from chat.services.message_queries import Filter
from chat.services.messages import Draft

bp = Blueprint("ims_conversations", __name__)
SEARCH_ON = "X-Search-On-Before"  # the end_time to continue with if the search has not examined all messages
_NO_CONVERSATION = (404, -1, "会话不存在")
_NOT_IN: Special = {Case.OUTSIDE: (400, 1, "Not in conversation")}


@bp.get("/conversations")
@signed_in
@asks(ListOf, body=Body.YIELDS)
@answers(ConversationsFound, zh="会话列表：置顶的在前，其次最新的。")
def conversations(actor: Actor, query: dict[str, Any]) -> Response:
    """List the caller's rooms: pinned ones first, then the most recent."""
    page = page_of(query)
    found = services().conversations.all(actor, page)
    shown = [_conversation(each) for each in found]
    more = next_of(page, found, shown)
    return success("success", conversation=shown, **more)


@bp.post("/conversations")
@words(
    {
        ErrorCode.NOT_FRIENDS: (400, -3, "Not friend with current user."),
        ErrorCode.USER_NOT_FOUND: (404, -1, "成员不存在"),
    }
)
@signed_in
@takes(NewConversation)
@answers(
    Told,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.NOT_FRIENDS,
    ErrorCode.ROOM_NAME_INVALID,
    ErrorCode.ROOMS_BY_TEACHERS,
    ErrorCode.PRIVATE_ROOMS_OFF,
    ErrorCode.ROOMS_OWNED,
    ErrorCode.ADDED_TOO_MANY,
    ErrorCode.RATE_LIMITED,
    zh="与好友创建群聊。",
)
def create(actor: Actor, body: dict[str, Any]) -> Response:
    """Create a group of friends."""
    services().groups.create(actor, body["name"], body["members"])
    return success("success", message="创建会话成功")


@bp.get("/conversations/messages")
@words({ErrorCode.ROOM_NOT_FOUND: _NO_CONVERSATION, Case.OUTSIDE: (400, 1, "用户不在会话中")})
@signed_in
@asks(Page, body=Body.YIELDS)
@answers(MessagesFound, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FIELD_INVALID, zh="获取消息，最早的在前；取得即视为已读。")
def messages(actor: Actor, query: dict[str, Any]) -> Response:
    """Return messages, oldest first: from a time, after a message, or the newest. They are marked as read."""
    since, after_id = query["since"], query["after_id"]
    found, quotes = services().message_queries.page(actor, query["conversation_id"], since, after_id)
    if since is None and after_id is None:  # if the answer has no room for all, the oldest are left out
        pieces = encoded(message(each, quotes) for each in reversed(found))[::-1]
        last = found[-1:]
    else:
        pieces = encoded(message(each, quotes) for each in found)
        last = found[: len(pieces)][-1:]
    if last:
        services().message_queries.mark_read(actor, last[0])
    return list_answer("messages", pieces)


@bp.post("/conversations/messages")
@words(_NOT_IN)
@refused_when_late
@signed_in
@takes(NewMessage)
@answers(
    Done,
    ErrorCode.ROOM_NOT_FOUND,
    *SENDING_TEXT,
    ErrorCode.REPLY_NOT_FOUND,
    ErrorCode.RATE_LIMITED,
    zh="发送文本消息。",
)
def send(actor: Actor, body: dict[str, Any]) -> Response:
    """Send a text."""
    if len(body["content"]) > TEXT_MAX_CHARS:
        raise ChatError(ErrorCode.MESSAGE_TOO_LONG, limit=TEXT_MAX_CHARS)
    draft = Draft(text=body["content"], client_message_id=body["client_message_id"], reply_to_id=body["reply_to"])
    services().messages.send(actor, body["conversation_id"], draft)
    return success("Succeed")


@bp.post("/conversations/image")
@words(_NOT_IN)
@refused_when_late
@signed_in
@answers(
    Done,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.NOT_FRIENDS,
    *SENDING,
    ErrorCode.FIELD_MISSING,
    ErrorCode.FIELD_INVALID,
    ErrorCode.BODY_MALFORMED,
    ErrorCode.BODY_TOO_LARGE,
    ErrorCode.MESSAGE_ID_INVALID,
    *SENDING_PICTURE,
    ErrorCode.RATE_LIMITED,
    form=ImageForm,
    zh="以表单发送图片。",
)
def send_image(actor: Actor) -> Response:
    """Send a picture, as a form with a file."""
    bound_body(Lane.PICTURES)
    is_form = request.mimetype == "multipart/form-data"
    given = form_fields() if is_form else json_object(Lane.PICTURES)
    for name, value in given.items():
        if not is_clean(value):
            raise ChatError(ErrorCode.FIELD_INVALID, field=name)
    form = load(NewImage(), given)
    image = request.files.get("image") if is_form else None
    if image is None:
        raise ChatError(ErrorCode.FIELD_MISSING, field="image")
    draft = Draft(image=image.read(), client_message_id=form["client_message_id"])
    services().messages.send(actor, form["conversation_id"], draft)
    return success("Succeed")


@bp.get("/conversations/get_reply")
@signed_in
@asks(SomeMessage, body=Body.YIELDS)
@answers(RepliesFound, ErrorCode.MESSAGE_NOT_FOUND, zh="查看一条消息的回复。")
def replies(actor: Actor, query: dict[str, Any]) -> Response:
    """List the replies to a message, oldest first."""
    return _newest("replies", services().message_queries.replies(actor, query["message_id"]), "reply_id")


@bp.get("/conversations/manage_messages")
@words({ErrorCode.ROOM_NOT_FOUND: _NO_CONVERSATION})
@signed_in
@asks(MessageFilter, body=Body.YIELDS)
@answers(MessageSearchFound, ErrorCode.ROOM_NOT_FOUND, zh="筛选聊天记录。")
def search(actor: Actor, query: dict[str, Any]) -> Response:
    """List messages that match a filter, oldest first."""
    wanted = Filter(
        since=query["start_time"],
        until=query["end_time"],
        sender_id=query["sender_id"],
        sender_name=query["sender_name"],
        text=query["content"],
    )
    found = services().message_queries.search(actor, query["conversation_id"], wanted)
    response = _newest("messages", found, "id")
    if found.next:
        response.headers[SEARCH_ON] = to_iso(int(found.next))
    return response


@bp.delete("/conversations/messages", endpoint="delete_message")
@bp.delete("/conversations/manage_messages", endpoint="delete_found_message")
@words(
    {
        ErrorCode.MESSAGE_NOT_FOUND: (404, -1, "消息不存在"),
        ErrorCode.FORBIDDEN: (403, -3, "No permission to delete message"),
    }
)
@signed_in
@takes(SomeMessage)
@answers(Told, ErrorCode.MESSAGE_NOT_FOUND, ErrorCode.FORBIDDEN, zh="为所有人删除一条消息。")
def delete(actor: Actor, body: dict[str, Any]) -> Response:
    """Delete a message for all members."""
    services().changes.delete(actor, body["message_id"])
    return success("Succeed", message="删除聊天记录成功")


@bp.get("/interface")
@words({ErrorCode.ROOM_NOT_FOUND: _NO_CONVERSATION})
@signed_in
@asks(Interface, body=Body.YIELDS)
@answers(InterfaceShown, ErrorCode.ROOM_NOT_FOUND, zh="查看会话的置顶、提醒与未读数。")
def interface(actor: Actor, query: dict[str, Any]) -> Response:
    """Return the caller's preferences for a conversation."""
    found = services().conversations.preferences(actor, query["conversation_id"])
    return success("Succeed", unreads=found.unread, notification=found.may_remind, ontop=found.is_pinned)


@bp.post("/interface")
@words({ErrorCode.ROOM_NOT_FOUND: _NO_CONVERSATION})
@signed_in
@takes(InterfaceChanges)
@answers(Done, ErrorCode.ROOM_NOT_FOUND, zh="设置会话的置顶、提醒与未读数。")
def set_interface(actor: Actor, body: dict[str, Any]) -> Response:
    """Change the given preferences."""
    new = NewPreferences(unread=body["unreads"], may_remind=body["notification"], is_pinned=body["ontop"])
    services().conversations.set(actor, body["conversation_id"], new)
    return success("Succeed")


def _newest(name: str, found: list[StoredMessage], id_name: str) -> Response:
    """Oldest first; if the answer has no room for all, the oldest are left out."""
    shown = (found_message(each, id_name) for each in reversed(found))
    return list_answer(name, encoded(shown)[::-1])


def _conversation(shown: ConversationView) -> dict[str, Any]:
    about: dict[str, Any] = {
        "id": shown.id,
        "name": shown.name,
        "avatar": avatar(shown.avatar),
        "last_message": content(shown.last_text, shown.last_attachment),
        "last_message_time": "" if shown.last_time is None else to_whole_iso(shown.last_time),
        "is_chat_group": shown.friend_id is None,
    }
    if shown.friend_id is not None:
        about["friend_id"] = shown.friend_id
    return about | {"is_top": shown.is_pinned, "notice_able": shown.may_remind, "unread_count": shown.unread}
