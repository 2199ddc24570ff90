"""/conversations/manage and /conversations/member: administration and membership of groups."""

from typing import Any

from flask import Blueprint, Response

from chat.clock import to_whole_iso
from chat.errors import WRITING, ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.http.paging_params import next_of, page_of
from chat.http.query_params import Body, asks
from chat.lanes import Lane
from chat.models import Actor, Role
from chat.protocols.ims.errors import NO_RIGHT, Case, Special, success, words
from chat.protocols.ims.render import avatar, encoded, list_answer
from chat.protocols.ims.requests import (
    ConversationChanges,
    ConversationUser,
    ListOfConversation,
    NewAnnouncement,
    SomeAnnouncement,
    SomeConversation,
)
from chat.protocols.ims.responses import AnnouncementsFound, MembersFound, Told

bp = Blueprint("ims_manage", __name__, url_prefix="/conversations")
_IDENTITIES = {Role.OWNER: 1, Role.ADMIN: 2, Role.MEMBER: 3}
_NOT_OWNER: Special = {ErrorCode.FORBIDDEN: (403, -3, "非群主不能设置管理员"), Case.FOR_ALL: NO_RIGHT}
_NOT_IN = (400, 1, "你不在群组中，无法退出")


@bp.get("/get_members")
@signed_in
@asks(ListOfConversation, body=Body.YIELDS)
@answers(MembersFound, ErrorCode.ROOM_NOT_FOUND, zh="会话成员及其身份。")
def members(actor: Actor, query: dict[str, Any]) -> Response:
    """List a conversation's members with their roles. Beyond the document."""
    page = page_of(query)
    found, own_role = services().groups.members(actor, query["conversation_id"], page)
    shown = [
        {
            "id": each.person.user_id,
            "name": each.person.nickname,
            "avatar": avatar(each.person.avatar),
            "identity": _IDENTITIES[each.role],
        }
        for each in found
    ]
    more = next_of(page, found, shown)
    return success("success", members=shown, identity=_IDENTITIES[own_role], **more)


@bp.post("/manage/admin")
@words(_NOT_OWNER)
@signed_in
@takes(ConversationUser)
@answers(
    Told,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.NOT_MEMBER,
    ErrorCode.ROLE_UNCHANGED,
    zh="设置管理员。",
)
def appoint(actor: Actor, body: dict[str, Any]) -> Response:
    """Promote a member to admin."""
    services().groups.set_admin(actor, body["conversation_id"], body["user"], is_admin=True)
    return success("Succeed", message="设置群组管理员成功")


@bp.delete("/manage/admin")
@words({**_NOT_OWNER, ErrorCode.ROLE_UNCHANGED: (403, 3, "管理员不是群组管理员")})
@signed_in
@takes(ConversationUser)
@answers(
    Told,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.NOT_MEMBER,
    ErrorCode.ROLE_UNCHANGED,
    zh="解除管理员。",
)
def dismiss(actor: Actor, body: dict[str, Any]) -> Response:
    """Demote an admin to member."""
    services().groups.set_admin(actor, body["conversation_id"], body["user"], is_admin=False)
    return success("Succeed", message="解除群组管理员成功")


@bp.get("/manage/notifications")
@signed_in
@asks(ListOfConversation, body=Body.YIELDS)
@answers(AnnouncementsFound, ErrorCode.ROOM_NOT_FOUND, zh="群公告，最新的在前。")
def announcements(actor: Actor, query: dict[str, Any]) -> Response:
    """List a group's announcements, newest first."""
    page = page_of(query)
    found = services().announcements.all(actor, query["conversation_id"], page)
    shown = [
        {
            "notification_id": each.id,
            "content": each.content,
            "sender_name": each.sender_name,
            "timestamp": to_whole_iso(each.created_at),
        }
        for each in found
    ]
    more = next_of(page, found, shown)
    return list_answer("notifications", encoded(shown), **more)


@bp.post("/manage/notifications")
@words({ErrorCode.FORBIDDEN: (403, -3, "非群主或管理员不能发布公告")})
@signed_in
@takes(NewAnnouncement)
@answers(
    Told,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    *WRITING,
    ErrorCode.TOO_MANY,
    ErrorCode.RATE_LIMITED,
    zh="发布群公告。",
)
def announce(actor: Actor, body: dict[str, Any]) -> Response:
    """Post an announcement."""
    services().announcements.post(actor, body["conversation_id"], body["content"])
    return success("success", message="发布群公告成功")


@bp.delete("/manage/notifications")
@words({ErrorCode.FORBIDDEN: (403, -3, "非群主或管理员不能删除公告")})
@signed_in
@takes(SomeAnnouncement)
@answers(Told, ErrorCode.ANNOUNCEMENT_NOT_FOUND, ErrorCode.FORBIDDEN, zh="删除群公告。")
def take_back(actor: Actor, body: dict[str, Any]) -> Response:
    """Delete an announcement."""
    services().announcements.delete(actor, body["notification_id"])
    return success("Succeed", message="删除群公告成功")


@bp.post("/manage/ownership_transfer")
@words(
    {
        ErrorCode.FORBIDDEN: (403, -3, "非群主不能转让群主"),
        Case.FOR_ALL: NO_RIGHT,
        ErrorCode.SELF_MEANT: (403, -3, "不能转让给自己"),
    }
)
@signed_in
@takes(ConversationUser)
@answers(
    Told,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.SELF_MEANT,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.NOT_MEMBER,
    zh="转让群主。",
)
def transfer(actor: Actor, body: dict[str, Any]) -> Response:
    """Transfer ownership to another member."""
    services().groups.transfer(actor, body["conversation_id"], body["user"])
    return success("Succeed", message="群主转让成功")


@bp.post("/member/remove")
@words({ErrorCode.ROOM_NOT_FOUND: _NOT_IN, Case.OUTSIDE: _NOT_IN})
@signed_in
@takes(SomeConversation)
@answers(Told, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, zh="退出群聊；群主退出则解散。")
def leave(actor: Actor, body: dict[str, Any]) -> Response:
    """Leave a group; if the owner leaves, the group is dissolved."""
    services().memberships.leave(actor, body["conversation_id"], dissolves=True)
    return success("Succeed", message="退出群组成功")


@bp.delete("/member/remove")
@words({ErrorCode.FORBIDDEN: (403, -3, "非群主或管理员不能移除群成员"), Case.FOR_ALL: NO_RIGHT})
@signed_in
@takes(ConversationUser)
@answers(
    Told,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.NOT_MEMBER,
    ErrorCode.ADMIN_PROTECTED,
    zh="移除群成员。",
)
def remove(actor: Actor, body: dict[str, Any]) -> Response:
    """Remove a member."""
    services().groups.remove(actor, body["conversation_id"], body["user"])
    return success("Succeed", message="移除群成员成功")


@bp.post("/manage/info")
@words({ErrorCode.FORBIDDEN: (403, -3, "非群主或管理员不能更新群信息")})
@signed_in
@takes(ConversationChanges, long=Lane.PICTURES)
@answers(
    Told,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.ROOM_NAME_INVALID,
    ErrorCode.QUOTA_USED,
    ErrorCode.STORAGE_FULL,
    zh="修改群名称或头像。",
)
def change(actor: Actor, body: dict[str, Any]) -> Response:
    """Change a group's name or avatar."""
    services().groups.change(actor, body["conversation_id"], body["name"], body["avatar"])
    return success("Succeed", message="修改群信息成功")
