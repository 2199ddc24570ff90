"""Answers: rooms and members."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import Out
from chat.http.paging_params import next_field
from chat.models import Role
from chat.protocols.polling.fields import ARCHIVED, MORE, READ_ONLY, SEEN_BY, SLOW_MODE, TIME, TOPIC
from chat.protocols.polling.responses.done import Done


class Joined(Done):
    roomname = fields.String(metadata=about("where a code was given: the room's name", "使用加入码时：聊天室名称"))


class RoomOfCode(Done):
    roomname = fields.String(required=True)


class JoinCode(Done):
    code = fields.String(required=True, metadata=about('the join code; "": none', '加入码；"" 表示没有'))


class RoomShown(Out):
    roomname = fields.String(required=True)
    type = fields.String(required=True)
    membercount = fields.Integer(required=True)
    id = fields.Integer(metadata=MORE)
    joined = fields.Boolean(metadata=MORE)
    role = fields.String(allow_none=True, validate=validate.OneOf(list(Role)), metadata=MORE)
    locked = fields.Boolean(metadata=MORE)
    unread = fields.Integer(metadata=MORE)
    mentions = fields.Integer(
        metadata=about("with ?detail=1: how many unread messages mention one", "?detail=1 时：提到自己的未读消息数")
    )
    last_time = fields.String(
        metadata=about('with ?detail=1: of the last message, or ""', '?detail=1 时：最新消息的时间，或 ""')
    )
    topic = fields.String(metadata=MORE)
    read_only = fields.Boolean(metadata=MORE)
    slow_mode = fields.Integer(
        metadata=about(
            "with ?detail=1: seconds between two messages of one person", "?detail=1 时：每人两条消息的间隔秒数"
        )
    )
    archived = fields.Boolean(metadata=MORE)
    seen_by = fields.Boolean(metadata=MORE)
    muted_until = fields.String(
        metadata=about(
            'with ?detail=1: until when the caller cannot write, or ""', '?detail=1 时：自己被禁言到何时，或 ""'
        )
    )


class RoomsFound(Done):
    rooms = fields.List(fields.Nested(RoomShown), required=True)
    next = next_field()


class MemberShown(Out):
    user = fields.String(required=True)
    nickname = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(list(Role)))
    online = fields.Boolean(required=True)
    user_id = fields.Integer(metadata=MORE)
    teacher = fields.Boolean(metadata=MORE)
    alike = fields.Boolean(
        metadata=about(
            "with ?detail=1: whether another member's name looks the same",
            "?detail=1 时：是否与其他成员的名称相似",
        )
    )
    avatar = fields.String(metadata=MORE)
    muted_until = fields.String(
        metadata=about('with ?detail=1: until when they cannot write, or ""', '?detail=1 时：被禁言到何时，或 ""')
    )


class MembersFound(Done):
    members = fields.List(fields.Nested(MemberShown), required=True)
    next = next_field()


class AnnouncementShown(Out):
    id = fields.Integer(required=True)
    user = fields.String(required=True, metadata=about("the author's username", "发布者的用户名"))
    user_id = fields.Integer(required=True)
    nickname = fields.String(required=True, metadata=about("the author's", "发布者的昵称"))
    content = fields.String(required=True)
    timestamp = fields.String(required=True, metadata=about("UTC", "UTC", examples=[TIME]))


class AnnouncementsFound(Done):
    announcements = fields.List(fields.Nested(AnnouncementShown), required=True)
    next = next_field()


class RoomSettingsShown(Out):
    version = fields.Integer(required=True, metadata=about("of the settings", "设置的版本"))
    topic = fields.String(required=True, metadata=TOPIC)
    read_only = fields.Boolean(required=True, metadata=READ_ONLY)
    slow_mode = fields.Integer(required=True, metadata=about(*SLOW_MODE))
    slow_mode_is_default = fields.Boolean(
        required=True, metadata=about("whether slow_mode is the site's default", "slow_mode 是否为站点的默认值")
    )
    archived = fields.Boolean(required=True, metadata=ARCHIVED)
    seen_by = fields.Boolean(required=True, metadata=SEEN_BY)


class MemberState(Out):
    """A member after a change."""

    user = fields.String(required=True, metadata=about("the username", "用户名"))
    user_id = fields.Integer(required=True)
    role = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(list(Role)),
        metadata=about("null: not a member any more", "null：不再是成员"),
    )
    muted_until = fields.String(required=True)
