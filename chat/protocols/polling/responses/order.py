"""Answers: room settings, moderation, pins and the audit log."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import Out
from chat.http.paging_params import next_field
from chat.models import AuditAction
from chat.protocols.polling.fields import TIME
from chat.protocols.polling.responses.done import Done
from chat.protocols.polling.responses.rooms import RoomSettingsShown


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


class RecentDeleted(Done):
    deleted = fields.Integer(required=True, metadata=about("messages", "消息数"))
    more = fields.Boolean(required=True, metadata=about("whether to ask again", "是否需要再次请求"))


class BarredFound(Done):
    barred = fields.List(fields.String(), required=True, metadata=about("usernames", "用户名"))


class ReaderShown(Out):
    user = fields.String(required=True, metadata=about("the username", "用户名"))
    nickname = fields.String(required=True)


class SeenFound(Done):
    count = fields.Integer(required=True, metadata=about("all readers", "已读的总人数"))
    readers = fields.List(fields.Nested(ReaderShown), required=True)
    next = next_field()
