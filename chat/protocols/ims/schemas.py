"""What this protocol's addresses take. Field names are the document's, on the wire; ours in the code."""

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, pre_load, validate

from chat.protocols.ims.parameters import Count, Id, Ids, Switch, Time
from chat.services.friend_groups import NAME_MAX_CHARS as FRIEND_GROUP_MAX_CHARS
from chat.services.friends import REQUEST_MAX_CHARS
from chat.services.lookups import LIST_CAP
from chat.services.profiles import AVATAR_MAX_CHARS, PROFILE_MAX_CHARS

TITLE_MAX_CHARS = 40  # narrower than services.rooms
_TITLE = validate.Length(min=1, max=TITLE_MAX_CHARS)
_AVATAR = validate.Length(max=AVATAR_MAX_CHARS)
_FRIEND_GROUP = validate.Length(min=1, max=FRIEND_GROUP_MAX_CHARS)


class _In(Schema):
    class Meta:
        unknown = EXCLUDE  # clients send more than the document has; it does no harm


class Credentials(_In):
    email = fields.String(required=True)
    password = fields.String(required=True)


class Registration(Credentials):
    name = fields.String(required=True)


class Mailbox(_In):
    email = fields.String(required=True)


class ProfileChanges(_In):
    origin_password = fields.String(required=True)
    name = fields.String()
    password = fields.String()
    email = fields.String()
    user_info = fields.String(validate=validate.Length(max=PROFILE_MAX_CHARS))
    avatar = fields.String(validate=_AVATAR)


class Search(_In):
    query_name = fields.String(required=True, validate=validate.Length(min=1))


class SomeUser(_In):
    user_id = Id(required=True, data_key="userId")


class FriendRequest(_In):
    target_id = Id(required=True)
    message = fields.String(required=True, validate=validate.Length(max=REQUEST_MAX_CHARS))


class RequestAnswer(_In):
    sender_user_id = Id(required=True)
    receiver_user_id = Id(required=True)


class NewFriendGroup(_In):
    name = fields.String(required=True, validate=_FRIEND_GROUP)


class SomeFriendGroup(_In):
    group_id = Id(required=True)


class FriendGroupName(SomeFriendGroup):
    new_name = fields.String(required=True, validate=_FRIEND_GROUP)


class FriendGroupEntry(SomeFriendGroup):
    member_id = Id(required=True)


class SomeFriend(_In):
    friend_id = Id(required=True)


class NewConversation(_In):
    members = fields.List(Id(), required=True, validate=validate.Length(max=LIST_CAP))
    name = fields.String(required=True, validate=_TITLE)


class SomeConversation(_In):
    conversation_id = Id(required=True)


class _CamelConversation(_In):
    conversation_id = Id(required=True, data_key="conversationId")


class Page(_CamelConversation):
    since = Time(data_key="from", load_default=None)


class NewMessage(_CamelConversation):
    content = fields.String(required=True)
    reply_to = Id(load_default=None, allow_none=True)
    client_message_id = fields.String(load_default=None, allow_none=True)


class NewImage(_CamelConversation):
    client_message_id = fields.String(load_default=None, allow_none=True)


class SomeMessage(_In):
    message_id = Id(required=True)


class MessageFilter(_CamelConversation):
    start_time = Time(load_default=None)
    end_time = Time(load_default=None, is_end=True)
    sender_id = Id(load_default=None)
    sender_name = fields.String(load_default=None)
    content = fields.String(load_default=None)


class Interface(SomeConversation):
    """Either spelling does."""

    @pre_load
    def _either(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"conversation_id": data["conversationId"], **data} if "conversationId" in data else data


class InterfaceChanges(_CamelConversation):
    """Either spelling does."""

    ontop = Switch(load_default=None, allow_none=True)
    notification = Switch(load_default=None, allow_none=True)
    unreads = Count(load_default=None, allow_none=True)

    @pre_load
    def _either(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"conversationId": data["conversation_id"], **data} if "conversation_id" in data else data


class ConversationUser(SomeConversation):
    user = Id(required=True)


class NewAnnouncement(SomeConversation):
    content = fields.String(required=True)


class SomeAnnouncement(_In):
    notification_id = Id(required=True)


class NewInvitation(_CamelConversation):
    member_id = Ids(required=True, validate=validate.Length(max=LIST_CAP))


class InvitationAnswer(_In):
    """What a client claims of the status is not looked at."""

    conversation_id = Id(load_default=None, allow_none=True)
    invite_id = Id(required=True)


class ConversationChanges(SomeConversation):
    name = fields.String(load_default=None, allow_none=True, validate=_TITLE)
    avatar = fields.String(load_default=None, allow_none=True, validate=_AVATAR)
