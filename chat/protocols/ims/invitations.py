"""Conversations: invitations to groups."""

from typing import Any

from flask import Blueprint, Response
from marshmallow import ValidationError

from chat.clock import to_whole_iso
from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import about, answers
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.http.fields import read_whole
from chat.http.paging_params import next_of, page_of
from chat.http.query_params import Body, asks
from chat.models import Actor
from chat.protocols.ims.errors import Special, success, words
from chat.protocols.ims.requests import (
    InvitationAnswer,
    ListOf,
    ListOfConversation,
    NewInvitation,
)
from chat.protocols.ims.responses import InvitationsFound, Told
from chat.services.paging import Page

bp = Blueprint("ims_invitations", __name__, url_prefix="/conversations")
_NO_ANSWER: Special = {ErrorCode.FORBIDDEN: (403, -3, "非群主或管理员不能处理邀请")}


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
