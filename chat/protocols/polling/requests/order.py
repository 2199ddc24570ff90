"""Requests: room settings, moderation, pins and the audit log."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import NAME, In, WholeNumber, switch
from chat.http.paging_params import Paged, PageLimit, after_field
from chat.names import ROOM_NAME_MAX_CHARS
from chat.protocols.polling.fields import ARCHIVED, READ_ONLY, SEEN_BY, SLOW_MODE, TOPIC
from chat.protocols.polling.requests.messages import OneMessage
from chat.services.moderation import MUTE_MAX_MINUTES, RECENT_MAX_MINUTES
from chat.services.paging import SEARCH_MAX_CHARS
from chat.services.room_settings import SLOW_MODE_MAX

_ROOMNAME = about("the room's name", "聊天室名称", minLength=1, maxLength=ROOM_NAME_MAX_CHARS, examples=["physics"])


class OneRoom(In):
    roomname = fields.String(required=True, validate=NAME, metadata=_ROOMNAME)


class Exported(OneRoom):
    chat_user = fields.String(
        metadata=about(
            "the id of the user that the request is meant for, as in the header X-Chat-User",
            "请求所针对的用户 id，与请求头 X-Chat-User 相同",
            examples=[],
        )
    )


class _AuditPage(In):
    limit = PageLimit(
        load_default=None,
        allow_none=True,
        metadata=about(
            "entries a page, at most 200; absent: 100", "每页条数，最多 200；省略为 100", type="integer", minimum=1
        ),
    )
    after = after_field()
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
    topic = fields.String(metadata=TOPIC)
    read_only = switch(READ_ONLY)
    slow_mode = WholeNumber(
        SLOW_MODE[0] + "; null: the site's default",
        SLOW_MODE[1] + "；null 为站点的默认值",
        allow_none=True,
        validate=validate.Range(0, SLOW_MODE_MAX),
        examples=[30],
    )
    archived = switch(ARCHIVED)
    seen_by = switch(SEEN_BY)


class SomeMember(OneRoom):
    user = fields.String(required=True, validate=NAME, metadata=about("a username", "用户名", examples=["bob"]))


class Muting(SomeMember):
    minutes = WholeNumber(
        "how long they cannot write; 0: not any more",
        "禁言的分钟数；0 为解除",
        required=True,
        validate=validate.Range(0, MUTE_MAX_MINUTES),
        examples=[10],
    )


class Barring(SomeMember):
    barred = switch(about("false: they may come back", "false：允许再加入"), required=True)


class Recent(SomeMember):
    minutes = WholeNumber(
        "of the messages, at most 1440",
        "多少分钟内的消息，最多 1440",
        required=True,
        validate=validate.Range(1, RECENT_MAX_MINUTES),
        examples=[10],
    )


class SeenQuery(OneMessage, Paged):
    """A message, and which of its readers."""
