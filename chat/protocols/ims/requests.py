"""Requests of this protocol. Field names are the document's on the wire, and the project's in the code."""

from typing import Any

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import In, ShortList, join_code
from chat.http.paging_params import Paged
from chat.names import EMAIL_NICKNAME_MAX_CHARS, is_visible, stored_length
from chat.protocols.ims.fields import Count, Id, Ids, Switch, Time
from chat.services.access import LIST_CAP
from chat.services.announcements import MAX_CHARS as ANNOUNCEMENT_MAX_CHARS
from chat.services.avatars import GIVEN_MAX_CHARS
from chat.services.friend_groups import NAME_MAX_CHARS as FRIEND_GROUP_MAX_CHARS
from chat.services.friends import REQUEST_MAX_CHARS
from chat.services.messages import CLIENT_MESSAGE_ID_MAX_CHARS
from chat.services.paging import SEARCH_MAX_CHARS
from chat.services.profiles import PROFILE_MAX_CHARS

TITLE_MAX_CHARS = 40  # narrower than services.rooms
TEXT_MAX_CHARS = 255  # narrower than services.messages


class _Length(validate.Length):
    """Counts the characters of a name as it is stored, and refuses one that shows as nothing."""

    def __call__(self, value: Any) -> Any:
        super().__call__("x" * stored_length(value) if is_visible(value) else "")
        return value


_TITLE = _Length(min=1, max=TITLE_MAX_CHARS)
_AVATAR = validate.Length(max=GIVEN_MAX_CHARS)
_FRIEND_GROUP = _Length(min=1, max=FRIEND_GROUP_MAX_CHARS)
_PASSWORD = about(
    "6 to 20 letters, digits, underscores; encrypted, if the server has a key",
    "6 到 20 个字母、数字、下划线；服务器设有密钥时需加密",
    examples=["secret_1"],
)
_EMAIL = about("a mail address", "邮箱", examples=["alice@example.com"])
_NICKNAME = about("1 to 20 characters", "1 到 20 个字符", maxLength=EMAIL_NICKNAME_MAX_CHARS, examples=["Alice"])
_RETRY = about(
    "idempotency id: a repeated message with the same id is stored once",
    "重发时使用相同的值，消息只保存一次",
    maxLength=CLIENT_MESSAGE_ID_MAX_CHARS,
)


class Credentials(In):
    email = fields.String(
        required=True, metadata=about("a mail address, or a username", "邮箱或用户名", examples=["alice@example.com"])
    )
    password = fields.String(required=True, metadata=_PASSWORD)


class Registration(In):
    email = fields.String(required=True, metadata=_EMAIL)
    password = fields.String(required=True, metadata=_PASSWORD)
    name = fields.String(required=True, metadata=_NICKNAME)
    join_code = join_code()


class Mailbox(In):
    email = fields.String(required=True, metadata=_EMAIL)


class ProfileChanges(In):
    """Absent fields stay unchanged."""

    origin_password = fields.String(required=True, metadata=_PASSWORD)
    name = fields.String(metadata=_NICKNAME)
    password = fields.String(metadata=about("the new value", "新密码"))
    email = fields.String(metadata=about("the new value", "新邮箱"))
    user_info = fields.String(validate=validate.Length(max=PROFILE_MAX_CHARS))
    avatar = fields.String(validate=_AVATAR, metadata=about("Base64 or a URL", "Base64 或 URL"))


class Search(In):
    query_name = fields.String(
        required=True,
        validate=validate.Length(min=1),
        metadata=about("a part of a nickname", "昵称的一部分", examples=["ali"]),
    )


class SomeUser(In):
    user_id = Id("the user's id", "用户 ID", required=True, data_key="userId")


class FriendRequest(In):
    target_id = Id("the receiver's id", "对方用户 ID", required=True)
    message = fields.String(
        required=True, validate=validate.Length(max=REQUEST_MAX_CHARS), metadata={"examples": ["Hello"]}
    )


class RequestAnswer(In):
    sender_user_id = Id("the sender's id", "申请者 ID", required=True)
    receiver_user_id = Id("the caller's id", "自己的用户 ID", required=True)


class NewFriendGroup(In):
    name = fields.String(required=True, validate=_FRIEND_GROUP, metadata={"examples": ["school"]})


class SomeFriendGroup(In):
    group_id = Id("one of the caller's groups", "自己的分组 ID", required=True)


class ListFriendGroup(SomeFriendGroup, Paged):
    """The members of a group, or a page of them."""


class FriendGroupName(SomeFriendGroup):
    new_name = fields.String(required=True, validate=_FRIEND_GROUP, metadata={"examples": ["class 3b"]})


class FriendGroupEntry(SomeFriendGroup):
    member_id = Id("a friend's id", "好友 ID", required=True)


class SomeFriend(In):
    friend_id = Id("the friend's id", "好友 ID", required=True)


class NewConversation(In):
    members = ShortList(
        Id("a friend's id", "好友 ID"),
        LIST_CAP,
        required=True,
        metadata=about("friends, without the caller", "好友，不包括自己", examples=[[]]),
    )
    name = fields.String(required=True, validate=_TITLE, metadata={"examples": ["physics"]})


class SomeConversation(In):
    conversation_id = Id("the conversation's id", "会话 ID", required=True)


class ListOf(In, Paged):
    """A list, or a page of it."""


class ListOfConversation(SomeConversation, Paged):
    """A list that belongs to a conversation, or a page of it."""


class _CamelConversation(In):
    conversation_id = Id("the conversation's id", "会话 ID", required=True, data_key="conversationId")


class Page(_CamelConversation):
    since = Time("beginning of the period; absent: the newest", "起始时间；没有则取最新的", data_key="from")
    after_id = Id(
        "messages after this one, instead of `from`; beyond the document",
        "此消息之后的消息，代替 from（文档之外）",
        load_default=None,
    )


class NewMessage(_CamelConversation):
    content = fields.String(
        required=True,
        metadata=about("1 to 255 characters", "1 到 255 个字符", maxLength=TEXT_MAX_CHARS, examples=["hello"]),
    )
    reply_to = Id("a message of the same conversation", "同一会话中的消息 ID", load_default=None, allow_none=True)
    client_message_id = fields.String(load_default=None, allow_none=True, metadata=_RETRY)


class NewImage(_CamelConversation):
    client_message_id = fields.String(load_default=None, allow_none=True, metadata=_RETRY)


class ImageForm(NewImage):
    """As a form that contains the picture as a file."""

    image = fields.Raw(
        required=True,
        metadata=about(
            "PNG, JPEG, GIF or WebP",
            "PNG、JPEG、GIF 或 WebP",
            type="string",
            format="binary",
            examples=["@picture.png"],
        ),
    )


class SomeMessage(In):
    message_id = Id("the message's id", "消息 ID", required=True)


class MessageFilter(_CamelConversation):
    """Absent fields match everything."""

    start_time = Time("beginning of the period", "起始时间")
    end_time = Time("end of the period", "截止时间", is_end=True)
    sender_id = Id("the sender's id", "发送者 ID", load_default=None)
    sender_name = fields.String(
        load_default=None,
        metadata=about("a part of the nickname", "发送者昵称的一部分"),
    )
    content = fields.String(
        load_default=None,
        validate=validate.Length(max=SEARCH_MAX_CHARS),
        metadata=about("a part of the text, at most 100 characters", "消息内容的一部分，至多 100 个字符"),
    )


class Interface(SomeConversation):
    """Accepts either spelling."""

    def load(self, data: Any, **_: Any) -> Any:
        return super().load({"conversation_id": data["conversationId"], **data} if "conversationId" in data else data)


class InterfaceChanges(_CamelConversation):
    """Accepts either spelling."""

    ontop = Switch("pinned to the top", "是否置顶")
    notification = Switch("notifications enabled", "是否允许提醒")
    unreads = Count("mark this many of the newest messages as unread", "未读消息数")

    def load(self, data: Any, **_: Any) -> Any:
        return super().load({"conversationId": data["conversation_id"], **data} if "conversation_id" in data else data)


class ConversationUser(SomeConversation):
    user = Id("a member's id", "成员的用户 ID", required=True)


class NewAnnouncement(SomeConversation):
    content = fields.String(
        required=True,
        metadata=about(
            "1 to 1,000 characters",
            "1 到 1000 个字符",
            minLength=1,
            maxLength=ANNOUNCEMENT_MAX_CHARS,
            examples=["no school"],
        ),
    )


class SomeAnnouncement(In):
    notification_id = Id("the announcement's id", "公告 ID", required=True)


class NewInvitation(_CamelConversation):
    member_id = Ids(
        "one or more friends' ids", "好友 ID，可为列表", required=True, validate=validate.Length(max=LIST_CAP)
    )


class InvitationAnswer(In):
    """A status sent by the client is ignored."""

    conversation_id = Id("the conversation's id", "会话 ID", load_default=None, allow_none=True)
    invite_id = Id("the invitation's id", "邀请 ID", required=True)


class ConversationChanges(SomeConversation):
    """Absent fields stay unchanged."""

    name = fields.String(load_default=None, allow_none=True, validate=_TITLE)
    avatar = fields.String(load_default=None, allow_none=True, validate=_AVATAR)
