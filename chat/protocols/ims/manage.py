"""/conversations/manage and /conversations/member: administration and membership of groups."""

from typing import Any

from flask import Blueprint, Response
from marshmallow import ValidationError

from chat.clock import to_whole_iso
from chat.errors import WRITING, ChatError, ErrorCode
from chat.http.api_spec import about, answers
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.http.fields import read_whole
from chat.http.paging_params import next_of, page_of
from chat.http.query_params import Body, asks
from chat.lanes import Lane
from chat.models import Actor, Role
from chat.protocols.ims.errors import NO_RIGHT, Case, Special, success, words
from chat.protocols.ims.render import avatar, encoded, list_answer
from chat.protocols.ims.requests import (
    ConversationChanges,
    ConversationUser,
    InvitationAnswer,
    ListOf,
    ListOfConversation,
    NewAnnouncement,
    NewInvitation,
    SomeAnnouncement,
    SomeConversation,
)
from chat.protocols.ims.responses import AnnouncementsFound, InvitationsFound, MembersFound, Told
from chat.services.paging import Page

bp = Blueprint("ims_manage", __name__, url_prefix="/conversations")
_IDENTITIES = {Role.OWNER: 1, Role.ADMIN: 2, Role.MEMBER: 3}
_NOT_OWNER: Special = {ErrorCode.FORBIDDEN: (403, -3, "非群主不能设置管理员"), Case.FOR_ALL: NO_RIGHT}
_NOT_IN = (400, 1, "你不在群组中，无法退出")
_NO_ANSWER: Special = {ErrorCode.FORBIDDEN: (403, -3, "非群主或管理员不能处理邀请")}


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


@bp.post("/member/add")
@words({ErrorCode.NOT_FRIENDS: (403, -4, "The user is not your friend")})
@signed_in
@takes(NewInvitation)
@answers(
    Told,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.ALREADY_MEMBER,
    ErrorCode.NOT_FRIENDS,
    ErrorCode.ADDED_TOO_MANY,
    ErrorCode.BARRED,
    ErrorCode.RATE_LIMITED,
    zh="邀请好友：群主和管理员直接加入，成员等待确认。",
)
def invite(actor: Actor, body: dict[str, Any]) -> Response:
    """Invite friends: they join immediately, or after approval by the owner or an admin."""
    is_in = services().invitations.invite(actor, body["conversation_id"], body["member_id"])
    return success("success", message="邀请成功" if is_in else "邀请成功，等待管理员确认")


@bp.get("/<conversation_id>/invitation")
@signed_in
@asks(ListOf, body=Body.YIELDS)
@answers(
    InvitationsFound,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FIELD_INVALID,
    path={"conversation_id": about("the conversation's id", "会话 ID", examples=["1"])},
    zh="群聊的邀请，最新的在前。",
)
def invitations_of(actor: Actor, query: dict[str, Any], conversation_id: str) -> Response:
    """List a group's invitations, newest first."""
    try:
        return _invitations(actor, read_whole(conversation_id), page_of(query))
    except ValidationError:
        raise ChatError(ErrorCode.FIELD_INVALID, field="conversation_id") from None


@bp.get("/invitation")
@signed_in
@asks(ListOfConversation, body=Body.YIELDS)
@answers(InvitationsFound, ErrorCode.ROOM_NOT_FOUND, zh="群聊的邀请，最新的在前。")
def invitations(actor: Actor, query: dict[str, Any]) -> Response:
    """List a group's invitations, newest first, at the address that published clients use."""
    return _invitations(actor, query["conversation_id"], page_of(query))


@bp.post("/manage/handle_invitation")
@words(_NO_ANSWER)
@signed_in
@takes(InvitationAnswer)
@answers(
    Told,
    ErrorCode.INVITATION_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.INVITATION_ANSWERED,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.CANNOT_BE_ADDED,
    ErrorCode.BARRED,
    zh="同意入群邀请。",
)
def accept(actor: Actor, body: dict[str, Any]) -> Response:
    """Approve an invitation."""
    services().invitations.answer(actor, body["invite_id"], body["conversation_id"], accept=True)
    return success("success", message="同意该用户入群")


@bp.delete("/manage/handle_invitation")
@words(_NO_ANSWER)
@signed_in
@takes(InvitationAnswer)
@answers(Told, ErrorCode.INVITATION_NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.INVITATION_ANSWERED, zh="拒绝入群邀请。")
def refuse(actor: Actor, body: dict[str, Any]) -> Response:
    """Reject an invitation."""
    services().invitations.answer(actor, body["invite_id"], body["conversation_id"], accept=False)
    return success("success", message="拒绝该用户入群")


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


def _invitations(actor: Actor, conversation_id: int, page: Page) -> Response:
    found = services().invitations.all(actor, conversation_id, page)
    shown = [
        {
            "invite_id": each.id,
            "conversation_id": each.room_id,
            "sender_id": each.sender_id,
            "sender_name": each.sender_name,
            "receiver_id": each.receiver_id,
            "receiver_name": each.receiver_name,
            "timestamp": to_whole_iso(each.created_at),
            "status": each.status,
        }
        for each in found
    ]
    more = next_of(page, found, shown, copies=2)
    return success("success", invitation=shown, invitations=shown, **more)
