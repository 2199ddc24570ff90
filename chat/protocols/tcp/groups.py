"""Chat groups: listing, creating, joining and entering them."""

from typing import Any

from chat.errors import ChatError, ErrorCode
from chat.http.compact_json import compact
from chat.http.paging_params import next_of, page_of
from chat.names import stored_name
from chat.protocols.tcp.connection import Conversation, worded
from chat.protocols.tcp.render import group, recalled
from chat.protocols.tcp.requests import CreateChat, KnownChat, ListChats
from chat.protocols.tcp.routes import handles
from chat.services.room_views import RoomView

HISTORY = 50  # messages sent after entering


@handles("list_chats_request", ListChats)
def list_chats(client: Conversation, request: dict[str, Any]) -> None:
    """List the caller's groups, or all visible ones."""
    rooms = client.chat.rooms
    page = page_of(request)
    is_all = request["list_type"] == "all"
    found = rooms.find(client.actor, page, unread=False) if is_all else rooms.joined(client.actor, page)
    shown = [group(room, client.zone) for room in found]
    more = next_of(page, found, shown)
    client.say("list_chats_response", chats=shown, **more)


@handles(
    "create_chat_request",
    CreateChat,
    ErrorCode.ROOM_NAME_INVALID,
    ErrorCode.ROOM_NAME_RESERVED,
    ErrorCode.ROOM_NAME_TAKEN,
    ErrorCode.ROOMS_BY_TEACHERS,
    ErrorCode.ROOMS_OWNED,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.ADDED_TOO_MANY,
    ErrorCode.CANNOT_BE_ADDED,
)
def create_chat(client: Conversation, request: dict[str, Any]) -> None:
    """Create an open group with all of these members, or none."""
    name, group_id, words = request["chat_name"], None, None
    try:
        group_id = client.chat.rooms.create(client.actor, name, members=request["member_usernames"] or ())
    except ChatError as error:
        if error.code is not ErrorCode.ROOM_NAME_TAKEN:
            raise
        words = worded(error)[1]
    client.say(
        "create_chat_response",
        success=group_id is not None,
        chat_group_id=group_id,
        chat_name=stored_name(name),
        error_message=words,
    )


@handles("join_chat_request", KnownChat, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.BARRED)
def join_chat(client: Conversation, request: dict[str, Any]) -> None:
    """Join a group. Joining again is not a failure."""
    name = request["chat_name"]
    has_joined = client.chat.memberships.join(client.actor, name)
    words = f"已加入聊天组 {name}" if has_joined else f"你已在聊天组 {name} 中"
    client.say("system_message", content=words, level="info")


@handles("enter_chat_request", KnownChat, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN)
def enter_chat(client: Conversation, request: dict[str, Any]) -> None:
    """Make this the default group for messages, and send its latest messages."""
    room = client.chat.rooms.view(client.actor, request["chat_name"])
    if room.role is None:
        raise ChatError(ErrorCode.FORBIDDEN)
    history = _history(client, room)
    client.enter_group(room.id)
    client.say("enter_chat_response", success=True, chat_group_id=room.id, chat_name=room.name, error_message=None)
    if history:
        client.peer.send(b"\n".join(history))
    client.say("chat_history_complete", chat_group_id=room.id, message_count=len(history))


def _history(client: Conversation, room: RoomView) -> list[bytes]:
    """Return the last messages up to where pushing has arrived; later ones are pushed and must not be sent twice."""
    end = client.pushed_until(room.id)
    found = client.chat.messages.history(client.actor, room.id, end + 1, HISTORY)
    return [compact(recalled(message, room.name, client.zone)) for message in found]
