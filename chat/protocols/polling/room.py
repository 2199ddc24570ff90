"""/room: creating, finding, joining, leaving and deleting rooms."""

from typing import Any

from flask import Blueprint, Response

from chat.clock import to_iso
from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.http.paging_params import next_of, page_of
from chat.http.query_params import asks
from chat.models import Actor, Role
from chat.protocols.polling.errors import success
from chat.protocols.polling.requests.rooms import (
    AnnouncementsQuery,
    ByCodeQuery,
    CodeQuery,
    CreateRoom,
    FindQuery,
    JoinRoom,
    KnownRoom,
    LeaveAll,
    LeaveRoom,
    MembersQuery,
    NewCode,
)
from chat.protocols.polling.responses.done import Done
from chat.protocols.polling.responses.rooms import (
    AnnouncementsFound,
    JoinCode,
    Joined,
    MembersFound,
    RoomOfCode,
    RoomsFound,
)
from chat.services.memberships import MemberView
from chat.services.room_views import RoomView

bp = Blueprint("polling_room", __name__, url_prefix="/room")


@bp.post("/create")
@signed_in
@takes(CreateRoom)
@answers(
    Done,
    ErrorCode.ROOM_NAME_INVALID,
    ErrorCode.ROOM_NAME_RESERVED,
    ErrorCode.ROOM_NAME_TAKEN,
    ErrorCode.ROOM_LABEL_INVALID,
    ErrorCode.ROOM_PASSWD_NEEDED,
    ErrorCode.ROOMS_BY_TEACHERS,
    ErrorCode.ROOMS_OWNED,
    ErrorCode.RATE_LIMITED,
    zh="创建聊天室，并成为其所有者。",
)
def create(actor: Actor, body: dict[str, Any]) -> Response:
    """Create a room and join it as its owner."""
    services().rooms.create(actor, body["roomname"], body["type"], body["passwd"])
    return success("Room created; you are in it.", "聊天室已创建，你已加入。")


@bp.get("/find")
@signed_in
@asks(FindQuery)
@answers(RoomsFound, zh="查看可见的聊天室。")
def find(actor: Actor, query: dict[str, Any]) -> Response:
    """List the rooms visible to the caller."""
    detail = query["detail"]
    page = page_of(query)
    which: dict[str, bool] = {"only_joined": query["joined"], "archived": query["archived"]}
    rooms = services().rooms.find(actor, page, unread=detail, **which)
    shown = [_room(room, detail) for room in rooms]
    more = next_of(page, rooms, shown)
    return success(f"{len(shown)} rooms.", f"共 {len(shown)} 个聊天室。", rooms=shown, **more)


@bp.post("/join")
@signed_in
@takes(JoinRoom)
@answers(
    Joined,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.BARRED,
    ErrorCode.ROOM_PASSWD_WRONG,
    ErrorCode.JOIN_CODE_WRONG,
    ErrorCode.RATE_LIMITED,
    zh="加入聊天室，凭名称或加入码。",
)
def join(actor: Actor, body: dict[str, Any]) -> Response:
    """Join a room by its name or join code. Joining again is not a failure."""
    about: dict[str, Any] = {}
    if body["code"]:
        about["roomname"], is_new = services().join_codes.join(actor, body["code"])
    elif body["roomname"] is None:
        raise ChatError(ErrorCode.FIELD_MISSING, field="roomname")
    else:
        is_new = services().memberships.join(actor, body["roomname"], body["passwd"])
    if is_new:
        return success("Joined.", "已加入聊天室。", **about)
    return success("You are in this room already.", "你已在该聊天室中。", **about)


@bp.get("/by_code")
@asks(ByCodeQuery)
@answers(RoomOfCode, ErrorCode.JOIN_CODE_WRONG, ErrorCode.RATE_LIMITED, zh="加入码对应的聊天室，无需登录。")
def by_code(query: dict[str, Any]) -> Response:
    """Return the room that a join code leads to. Needs no login. Beyond the document."""
    return success("The room.", "聊天室。", roomname=services().join_codes.room_name(query["code"]))


@bp.get("/code")
@signed_in
@asks(CodeQuery)
@answers(JoinCode, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, zh="聊天室的加入码（创建者、管理员和老师可用）。")
def code(actor: Actor, query: dict[str, Any]) -> Response:
    """Return the room's join code, for its owner, admins and teachers. Beyond the document."""
    found = services().join_codes.code(actor, query["roomname"])
    return success("The join code.", "加入码。", code=found)


@bp.post("/code")
@signed_in
@takes(NewCode)
@answers(JoinCode, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, zh="更换或取消聊天室的加入码；旧的立即失效。")
def new_code(actor: Actor, body: dict[str, Any]) -> Response:
    """Replace or remove the room's join code; the old one becomes invalid immediately. Beyond the document."""
    joining = services().join_codes
    if body["off"]:
        joining.switch_off(actor, body["roomname"])
        return success("The room has no join code.", "该聊天室没有加入码。", code="")
    return success("The new join code.", "新的加入码。", code=joining.renew(actor, body["roomname"]))


@bp.post("/leave")
@signed_in
@takes(LeaveRoom)
@answers(Done, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, zh="退出聊天室。")
def leave(actor: Actor, body: dict[str, Any]) -> Response:
    """Leave a room. Beyond the document."""
    services().memberships.leave(actor, body["roomname"])
    return success("Left the room.", "已离开聊天室。")


@bp.post("/leave_all")
@signed_in
@takes(LeaveAll)
@answers(Done, ErrorCode.USER_NOT_FOUND, zh="退出某人拥有的所有聊天室。")
def leave_all(actor: Actor, body: dict[str, Any]) -> Response:
    """Leave all rooms owned by another user. Beyond the document."""
    left = services().memberships.leave_all_of(actor.user_id, body["owner"])
    return success(f"Left {left} rooms.", f"已退出 {left} 个聊天室。")


@bp.post("/delete")
@signed_in
@takes(KnownRoom)
@answers(
    Done,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.ROOM_PASSWD_WRONG,
    ErrorCode.RATE_LIMITED,
    zh="为所有人删除自己的聊天室。",
)
def delete(actor: Actor, body: dict[str, Any]) -> Response:
    """Delete a room that the caller owns, for all members."""
    services().rooms.delete(actor, body["roomname"], body["passwd"])
    return success("Room deleted.", "聊天室已删除。")


@bp.get("/members")
@signed_in
@asks(MembersQuery)
@answers(MembersFound, ErrorCode.ROOM_NOT_FOUND, zh="聊天室的成员。")
def members(actor: Actor, query: dict[str, Any]) -> Response:
    """List the members of a room. Beyond the document."""
    page = page_of(query)
    role = query["role"] and Role(query["role"])
    found = services().memberships.members(
        actor, query["roomname"], page, role, alike=query["detail"], only_alike=query["alike"]
    )
    shown = [_member(member, query["detail"]) for member in found]
    more = next_of(page, found, shown)
    return success(f"{len(shown)} members.", f"共 {len(shown)} 名成员。", members=shown, **more)


@bp.get("/announcements")
@signed_in
@asks(AnnouncementsQuery)
@answers(AnnouncementsFound, ErrorCode.ROOM_NOT_FOUND, zh="聊天室的公告，最新的在前。")
def announcements(actor: Actor, query: dict[str, Any]) -> Response:
    """List a room's announcements, newest first. Beyond the document."""
    page = page_of(query)
    found = services().announcements.all(actor, query["roomname"], page)
    shown = [
        {
            "id": each.id,
            "user": each.sender,
            "user_id": each.sender_id,
            "nickname": each.sender_name,
            "content": each.content,
            "timestamp": to_iso(each.created_at),
        }
        for each in found
    ]
    more = next_of(page, found, shown)
    return success(f"{len(shown)} announcements.", f"共 {len(shown)} 条公告。", announcements=shown, **more)


def _room(room: RoomView, detail: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"roomname": room.name, "type": room.label, "membercount": room.member_count}
    if detail:
        shown |= {
            "id": room.id,
            "joined": room.role is not None,
            "role": room.role,
            "locked": room.locked,
            "unread": room.unread,
            "mentions": room.mentions,
            "last_time": to_iso(room.last_time) if room.last_time else "",
            "topic": room.description,
            "read_only": room.read_only,
            "slow_mode": room.slow_mode,
            "archived": room.archived,
            "seen_by": room.seen_by,
            "muted_until": to_iso(room.muted_until) if room.muted_until else "",
        }
    return shown


def _member(member: MemberView, detail: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"user": member.username, "nickname": member.nickname}
    shown |= {"role": member.role, "online": member.online}
    if detail:
        shown |= {"user_id": member.user_id, "teacher": member.is_teacher, "alike": member.is_alike}
        shown["avatar"] = member.avatar
        shown["muted_until"] = to_iso(member.muted_until) if member.muted_until else ""
    return shown
