"""Answers of this protocol, for the OpenAPI document; the tests validate every answer against them."""

from typing import Any

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import Out
from chat.http.paging_params import next_field

_TIME = about("UTC, in seconds: 2025-03-13T14:30:00Z", "UTC，精确到秒：2025-03-13T14:30:00Z")
_AVATAR = about("Base64 or a URL; empty if there is none", "Base64 或 URL；没有则为空")


class Failed(Out):
    code = fields.Integer(required=True, metadata=about("the failure's code", "错误码"))
    info = fields.String(required=True, metadata=about("the failure in words", "错误信息"))


class Done(Out):
    code = fields.Integer(required=True, validate=validate.Equal(0))
    info = fields.String(required=True, validate=validate.OneOf(["Succeed", "success"]))


class _Listed(Done):
    next = next_field()


class Told(Done):
    message = fields.String(required=True, metadata=about("the result in words", "操作结果"))


class LoggedIn(Done):
    token = fields.String(required=True, metadata=about("for the Authorization header", "用于 Authorization 请求头"))


class Registered(LoggedIn, Told):
    pass


class CodeSent(Told):
    verify_code = fields.String(
        required=True,
        metadata=about(
            "the SHA-256 (hex) of email:code; encrypted if the server has a key",
            "加密后的验证码：email:code 的 SHA-256，服务器设有密钥时为 AES",
        ),
    )


class _Named(Out):
    name = fields.String(required=True)
    email = fields.String(required=True, metadata=about("empty if there is none", "没有则为空"))
    avatar = fields.String(required=True, metadata=_AVATAR)


class _Somebody(_Named):
    deleted = fields.Boolean(required=True, metadata=about("the account was deleted", "是否已注销"))


class PersonShown(_Somebody):
    id = fields.Integer(required=True)


class OwnProfileShown(Done, PersonShown):
    user_info = fields.String(required=True)


class FoundShown(_Somebody):
    user_id = fields.Integer(required=True)
    is_friend = fields.Boolean(required=True)


class PeopleFound(Done):
    results = fields.List(fields.Nested(FoundShown), required=True)


class _Detail(_Named):
    is_friend = fields.Boolean(required=True)


class PersonFound(Done):
    user = fields.Nested(_Detail, required=True)


class RequestShown(Out):
    sender_user_id = fields.Integer(required=True)
    receiver_user_id = fields.Integer(required=True)
    user_email = fields.String(required=True)
    user_name = fields.String(required=True)
    avatar = fields.String(required=True, metadata=_AVATAR)
    message = fields.String(required=True)
    created_at = fields.String(required=True, metadata=_TIME)
    status = fields.Integer(
        required=True,
        validate=validate.OneOf([0, 1, 2, 3]),
        metadata=about(
            "0 pending, 1 accepted, 2 refused, 3 accepted otherwise", "0 等待处理，1 已同意，2 已拒绝，3 已成为好友"
        ),
    )


class RequestsFound(_Listed):
    requests = fields.List(fields.Nested(RequestShown), required=True)


class FriendsFound(_Listed):
    friends = fields.List(fields.Nested(PersonShown), required=True)


class FriendGroupShown(Out):
    id = fields.Integer(required=True)
    name = fields.String(required=True)


class _FriendGroups(Done):
    groups = fields.List(fields.Nested(FriendGroupShown), required=True)


class FriendGroupsFound(_Listed, _FriendGroups):
    pass


class FriendFound(OwnProfileShown, _FriendGroups):
    pass


class _FriendGroup(FriendGroupShown):
    members = fields.List(fields.Nested(PersonShown), required=True)


class FriendGroupFound(Done):
    group = fields.Nested(_FriendGroup, required=True)


class FriendGroupMembers(_Listed):
    members = fields.List(fields.Nested(PersonShown), required=True)


class ConversationShown(Out):
    id = fields.Integer(required=True)
    name = fields.String(required=True, metadata=about("direct: the friend's nickname", "私聊为好友昵称"))
    avatar = fields.String(required=True, metadata=_AVATAR)
    last_message = fields.String(required=True)
    last_message_time = fields.String(required=True, metadata=_TIME)
    is_chat_group = fields.Boolean(required=True)
    friend_id = fields.Integer(metadata=about("direct conversations only", "仅私聊有此字段"))
    is_top = fields.Boolean(required=True)
    notice_able = fields.Boolean(required=True)
    unread_count = fields.Integer(required=True)


class ConversationsFound(_Listed):
    conversation = fields.List(fields.Nested(ConversationShown), required=True)


class MessageShown(Out):
    id = fields.Integer(required=True)
    type = fields.Integer(
        required=True,
        validate=validate.OneOf([0, 1]),
        metadata=about("1: a picture, whose URL is the content", "1 为图片，content 为其 URL"),
    )
    content = fields.String(required=True)
    senderid = fields.Integer(required=True)
    sendername = fields.String(required=True)
    senderavatar = fields.String(required=True, metadata=_AVATAR)
    reply_to = fields.String(
        metadata=about("replies only; empty if the message was deleted", "仅回复有；原消息已删除则为空")
    )
    reply_to_id = fields.Integer(metadata=about("replies only", "仅回复有此字段"))
    conversation = fields.Integer(required=True)
    created_time = fields.String(required=True, metadata=_TIME)


class MessagesFound(Done):
    messages = fields.List(fields.Nested(MessageShown), required=True)


class _SenderShown(Out):
    sender_id = fields.Integer(required=True)
    sender_name = fields.String(required=True)
    sender_avatar = fields.String(required=True, metadata=_AVATAR)
    content = fields.String(required=True)
    timestamp = fields.String(required=True, metadata=_TIME)


class ReplyShown(_SenderShown):
    reply_id = fields.Integer(required=True)


class RepliesFound(Done):
    replies = fields.List(fields.Nested(ReplyShown), required=True)


class FoundMessageShown(_SenderShown):
    id = fields.Integer(required=True)


class MessageSearchFound(Done):
    messages = fields.List(fields.Nested(FoundMessageShown), required=True)


class InterfaceShown(Done):
    unreads = fields.Integer(required=True)
    notification = fields.Boolean(required=True, metadata=about("whether notifications are enabled", "是否允许提醒"))
    ontop = fields.Boolean(required=True)


_IDENTITY: Any = {
    "required": True,
    "validate": validate.OneOf([1, 2, 3]),
    "metadata": about("1 owner, 2 admin, 3 member", "1 群主，2 管理员，3 成员"),
}


class MemberShown(Out):
    id = fields.Integer(required=True)
    name = fields.String(required=True)
    avatar = fields.String(required=True, metadata=_AVATAR)
    identity = fields.Integer(**_IDENTITY)


class MembersFound(_Listed):
    members = fields.List(fields.Nested(MemberShown), required=True)
    identity = fields.Integer(**_IDENTITY)


class AnnouncementShown(Out):
    notification_id = fields.Integer(required=True)
    content = fields.String(required=True)
    sender_name = fields.String(required=True)
    timestamp = fields.String(required=True, metadata=_TIME)


class AnnouncementsFound(_Listed):
    notifications = fields.List(fields.Nested(AnnouncementShown), required=True)


class InvitationShown(Out):
    invite_id = fields.Integer(required=True)
    conversation_id = fields.Integer(required=True)
    sender_id = fields.Integer(required=True)
    sender_name = fields.String(required=True)
    receiver_id = fields.Integer(required=True)
    receiver_name = fields.String(required=True)
    timestamp = fields.String(required=True, metadata=_TIME)
    status = fields.Integer(
        required=True,
        validate=validate.OneOf([0, 1, 2, 3]),
        metadata=about("0 pending, 1 refused, 2 accepted, 3 member", "0 等待确认，1 已拒绝，2 已同意，3 已在群中"),
    )


class InvitationsFound(_Listed):
    invitation = fields.List(fields.Nested(InvitationShown), required=True)
    invitations = fields.List(
        fields.Nested(InvitationShown), required=True, metadata=about("repeats the above", "同上")
    )
