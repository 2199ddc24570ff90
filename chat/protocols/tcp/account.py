"""Registration, login, logout, and lists of users."""

from typing import Any

from chat.errors import REGISTERING, ChatError, ErrorCode
from chat.http.paging_params import next_of, page_of
from chat.names import stored_name
from chat.protocols.tcp.connection import Conversation, worded
from chat.protocols.tcp.render import user
from chat.protocols.tcp.requests import Credentials, ListUsers, Nothing, Registration
from chat.protocols.tcp.routes import handles
from chat.server.client_identity import limited_address

# Failed logins and registrations have one answer that does not tell the reason, except for server errors.
_NOT_THE_CLIENTS = {ErrorCode.UNAVAILABLE, ErrorCode.INTERNAL}


@handles(
    "register_request",
    Registration,
    *REGISTERING,
    ErrorCode.USERNAME_INVALID,
    needs_login=False,
)
def register(client: Conversation, request: dict[str, Any]) -> None:
    """Register an account, without logging in."""
    username = request["username"]
    try:
        user_id = client.chat.accounts.create(
            username, request["password"], _address(client), code=request["join_code"]
        )
    except ChatError as error:
        _refuse(client, "register_response", error)
    else:
        about = {"user_id": user_id, "username": stored_name(username)}
        client.say("register_response", success=True, **about, error_message=None)


@handles(
    "login_request",
    Credentials,
    ErrorCode.CREDENTIALS_WRONG,
    ErrorCode.DISABLED,
    ErrorCode.METHOD_NOT_ALLOWED,
    needs_login=False,
)
def log_in(client: Conversation, request: dict[str, Any]) -> None:
    """Log in; possible once per connection."""
    if client.is_logged_in:
        raise ChatError(ErrorCode.METHOD_NOT_ALLOWED, method="login_request")
    chat = client.chat
    try:
        user_id, session = chat.accounts.log_in(request["username"], request["password"], _address(client))
        actor = chat.sessions.resolve(session.id, user_id)
        if actor is None:  # ended again immediately, as by a new password
            raise ChatError(ErrorCode.NOT_SIGNED_IN)
        client.log_in(actor)
    except ChatError as error:
        _refuse(client, "login_response", error)
    else:
        about = {"user_id": user_id, "username": actor.username}
        client.say("login_response", success=True, **about, error_message=None)


@handles("logout_request", Nothing)
def log_out(client: Conversation, _request: dict[str, Any]) -> None:
    """Log out; the connection stays open."""
    actor = client.actor
    client.log_out()
    client.chat.sessions.close(actor)
    client.say("system_message", content="已登出。", level="info")


@handles("heartbeat", Nothing, needs_login=False)
def heartbeat(client: Conversation, _request: dict[str, Any]) -> None:
    """Answer a heartbeat."""
    client.say("heartbeat")


@handles("user_info_request", Nothing)
def user_info(client: Conversation, _request: dict[str, Any]) -> None:
    """Return the caller's data, and the number of users and groups visible to them."""
    actor, chat = client.actor, client.chat
    visible, joined, private = chat.rooms.counts(actor)
    everybody, online = chat.user_directory.count()
    client.say(
        "user_info_response",
        user_info=user(actor.user_id, actor.username, is_online=True),
        joined_chats_count=joined,
        private_chats_count=private,
        group_chats_count=joined - private,
        total_users_count=everybody,
        online_users_count=online,
        total_chats_count=visible,
    )


@handles("list_users_request", ListUsers, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN)
def list_users(client: Conversation, request: dict[str, Any]) -> None:
    """List all users, or the members of a group."""
    chat, page = client.chat, page_of(request)
    if request["list_type"] == "current_chat":
        group = client.group(request["chat_group_id"])
        members = client.within(group, lambda ref: chat.memberships.members(client.actor, ref, page))
        shown = [user(member.user_id, member.username, is_online=member.online) for member in members]
        more = next_of(page, members, shown)
    else:
        everybody = chat.user_directory.everybody(page)
        online = chat.presence.online(user_id for user_id, _ in everybody)
        shown = [user(user_id, username, is_online=user_id in online) for user_id, username in everybody]
        more = next_of(page, everybody, shown)
    client.say("list_users_response", users=shown, **more)


def _address(client: Conversation) -> str:
    return limited_address(client.peer.address[0])


def _refuse(client: Conversation, message_type: str, error: ChatError) -> None:
    if error.code in _NOT_THE_CLIENTS:
        raise error
    client.say(message_type, success=False, user_id=None, username=None, error_message=worded(error)[1])
