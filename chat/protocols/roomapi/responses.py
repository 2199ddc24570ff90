"""Answers, as the OpenAPI document shows them."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import Out
from chat.http.paging_params import next_field


class UserShown(Out):
    ID = fields.Integer(required=True)
    username = fields.String(required=True)


class LoginShown(Out):
    token = fields.String(required=True, metadata=about("for the Authorization header", "用于 Authorization 请求头"))
    user = fields.Nested(UserShown, required=True)


class _Record(Out):
    ID = fields.Integer(required=True)
    CreatedAt = fields.String(required=True, metadata=about("RFC 3339 with an offset", "RFC 3339，带时区"))
    UpdatedAt = fields.String(required=True)
    DeletedAt = fields.Raw(required=True, allow_none=True, metadata=about("always null", "总为 null", enum=[None]))


class RoomShown(_Record):
    name = fields.String(required=True)
    description = fields.String(required=True)


class MemberShown(_Record):
    username = fields.String(required=True)


class MessageShown(Out):
    ID = fields.Integer(required=True)
    send_time = fields.String(required=True, metadata=about("YYYY-MM-DD HH:MM:SS", "YYYY-MM-DD HH:MM:SS"))
    room_id = fields.Integer(required=True)
    sender_id = fields.Integer(required=True)
    sender_name = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(["text", "image", "file"]))
    content = fields.String(
        required=True, metadata=about("the text, or the picture's or file's URL", "文本，或图片、文件的 URL")
    )


class _Envelope(Out):
    code = fields.Integer(required=True, validate=validate.Equal(0))
    msg = fields.String(required=True)


class Registered(_Envelope):
    data = fields.Nested(UserShown, required=True)


class LoggedIn(_Envelope):
    data = fields.Nested(LoginShown, required=True)


class RoomMade(_Envelope):
    data = fields.Nested(RoomShown, required=True)


class RoomsFound(_Envelope):
    data = fields.List(fields.Nested(RoomShown), required=True)
    next = next_field()


class MembersFound(_Envelope):
    data = fields.List(fields.Nested(MemberShown), required=True)
    next = next_field()


class Done(_Envelope):
    data = fields.Raw(required=True, allow_none=True, metadata={"enum": [None]})


class Sent(_Envelope):
    data = fields.Nested(MessageShown, required=True)


class MessagesFound(_Envelope):
    data = fields.List(fields.Nested(MessageShown), required=True)


class Failed(Out):
    code = fields.Integer(required=True, validate=validate.Equal(1))
    msg = fields.String(required=True, metadata=about("the reason", "失败原因"))
    data = fields.Raw(required=True, allow_none=True, metadata={"enum": [None]})
