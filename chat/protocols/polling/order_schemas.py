"""Requests and answers for keeping order in a room."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import NAME, In, Out, WholeNumber
from chat.http.paging_params import POSITION_MAX_CHARS, PageLimit
from chat.models import AuditAction
from chat.protocols.polling.schemas import TIME, Done
from chat.services.paging import SEARCH_MAX_CHARS
from chat.services.room_settings import SLOW_MODE_MAX, TOPIC_MAX_CHARS
from chat.services.rooms import NAME_MAX_CHARS

_ROOMNAME = about("the room's name", "聊天室名称", minLength=1, maxLength=NAME_MAX_CHARS, examples=["physics"])
_TOPIC = about("what the room is about", "聊天室的主题", maxLength=TOPIC_MAX_CHARS)
_READ_ONLY = about("only owner, admins and teachers write", "只有创建者、管理员和老师可以发言")
_SLOW_MODE = ("seconds between two messages of one person (0 to 3600)", "每人两条消息的间隔秒数（0 到 3600）")
_ARCHIVED = about("nobody writes; not in lists; still readable", "不能发言，不在列表中，仍可阅读")
_VERSION = ("of the settings", "设置的版本")


class OneRoom(In):
    roomname = fields.String(required=True, validate=NAME, metadata=_ROOMNAME)


class _AuditPage(In):
    limit = PageLimit(
        load_default=None,
        allow_none=True,
        metadata=about(
            "entries a page, at most 200; absent: 100", "每页条数，最多 200；省略为 100", type="integer", minimum=1
        ),
    )
    after = fields.String(
        load_default="",
        validate=validate.Length(max=POSITION_MAX_CHARS),
        metadata=about("the `next` of the previous page", "上一页的 next", examples=[""]),
    )
    q = fields.String(
        load_default="",
        validate=validate.Length(max=SEARCH_MAX_CHARS),
        metadata=about(
            "only entries with this text in user, subject, room or action",
            "只返回 user、subject、room 或 action 包含此内容的条目",
            examples=[""],
        ),
    )


class SiteAuditQuery(_AuditPage):
    """Filters of the site's audit log."""


class AuditQuery(_AuditPage, OneRoom):
    """Filters of a room's audit log."""


class WantedRoomSettings(OneRoom):
    """Absent settings stay unchanged."""

    version = WholeNumber(
        "of the settings that you have seen: 409 if they have been changed since; absent: overwrite",
        "你所看到的设置的版本：若此后又被修改则返回 409；省略则直接覆盖",
        load_default=None,
        allow_none=True,
    )
    topic = fields.String(metadata=_TOPIC)
    read_only = fields.Boolean(truthy={True}, falsy={False}, metadata=_READ_ONLY)
    slow_mode = WholeNumber(
        _SLOW_MODE[0] + "; null: the site's default",
        _SLOW_MODE[1] + "；null 为站点的默认值",
        allow_none=True,
        validate=validate.Range(0, SLOW_MODE_MAX),
        examples=[30],
    )
    archived = fields.Boolean(truthy={True}, falsy={False}, metadata=_ARCHIVED)


class RoomSettingsShown(Out):
    version = fields.Integer(required=True, metadata=about(*_VERSION))
    topic = fields.String(required=True, metadata=_TOPIC)
    read_only = fields.Boolean(required=True, metadata=_READ_ONLY)
    slow_mode = fields.Integer(required=True, metadata=about(*_SLOW_MODE))
    slow_mode_is_default = fields.Boolean(
        required=True, metadata=about("whether slow_mode is the site's default", "slow_mode 是否为站点的默认值")
    )
    archived = fields.Boolean(required=True, metadata=_ARCHIVED)


class RoomSettingsFound(Done):
    settings = fields.Nested(RoomSettingsShown, required=True)


class RoomSettingsChanged(RoomSettingsFound):
    before = fields.Nested(RoomSettingsShown, required=True, metadata=about("the settings until now", "修改之前的设置"))


class AuditEntryShown(Out):
    id = fields.Integer(required=True)
    time = fields.String(required=True, metadata=about("UTC", "UTC", examples=[TIME]))
    user = fields.String(required=True, metadata=about('who did it; "": the administrator', '执行者；"" 为管理员命令'))
    action = fields.String(required=True, validate=validate.OneOf(list(AuditAction)))
    room = fields.String(required=True, metadata=about('the room\'s name then, or ""', '当时的聊天室名称，或 ""'))
    subject = fields.String(required=True, metadata=about('the user it was done to, or ""', '被操作的用户，或 ""'))
    message_id = fields.Integer(required=True, allow_none=True)
    before = fields.Dict(required=True, metadata=about("the differences, before", "操作之前"))
    after = fields.Dict(required=True, metadata=about("the differences, after", "操作之后"))


class AuditFound(Done):
    entries = fields.List(fields.Nested(AuditEntryShown), required=True)
    next = fields.String(metadata=about("the `after` of the next page; empty at the end", "下一页的 after；没有则为空"))
