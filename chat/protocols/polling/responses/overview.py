"""Answers: overviews."""

from marshmallow import fields

from chat.http.api_spec import about
from chat.http.fields import Out
from chat.http.paging_params import next_field
from chat.protocols.polling.fields import TIME
from chat.protocols.polling.responses.done import Done


class SessionShown(Out):
    protocol = fields.String(required=True)
    program = fields.String(required=True, metadata=about('its User-Agent, or ""', '其 User-Agent，或 ""'))
    since = fields.String(required=True, metadata=about("when it logged in, UTC", "登录时间（UTC）", examples=[TIME]))


class OnlineShown(Out):
    username = fields.String(required=True)
    nickname = fields.String(required=True)
    id = fields.Integer(required=True)
    teacher = fields.Boolean(required=True)
    sessions = fields.List(
        fields.Nested(SessionShown), required=True, metadata=about("newest first, at most 20", "从新到旧，最多 20 个")
    )


class ActiveRoomShown(Out):
    roomname = fields.String(required=True)
    id = fields.Integer(required=True)
    messages = fields.Integer(required=True, metadata=about("of the last minute", "最近一分钟的消息数"))
    online = fields.Integer(required=True, metadata=about("members online", "在线成员数"))
    membercount = fields.Integer(required=True)


class Now(Done):
    online = fields.Integer(required=True, metadata=about("people online", "在线人数"))
    accounts = fields.Integer(required=True, metadata=about("of the site", "账号总数"))
    messages = fields.Integer(required=True, metadata=about("of the last minute", "最近一分钟的消息数"))
    rooms = fields.List(
        fields.Nested(ActiveRoomShown),
        required=True,
        metadata=about("with messages in the last minute, at most 20", "最近一分钟有消息的聊天室，最多 20 个"),
    )
    people = fields.List(fields.Nested(OnlineShown), required=True)
    next = next_field()
