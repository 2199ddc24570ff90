"""Answers, as the OpenAPI document shows them."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import Out


class UserShown(Out):
    username = fields.String(required=True)
    nickname = fields.String(required=True)


class Done(Out):
    status = fields.Boolean(required=True, validate=validate.Equal(True))


class LoginAnswer(Out):
    status = fields.Boolean(
        required=True, metadata=about("false: wrong username or password", "false：用户名或密码错误")
    )


class RoomShown(Out):
    id = fields.Integer(required=True)
    name = fields.String(required=True)


class RoomToken(Out):
    token = fields.String(
        required=True,
        metadata=about(
            "40 hex digits: for you and this room, valid for 60 seconds and a single use",
            "40 位十六进制：仅限本人和该聊天室，60 秒内有效，只能使用一次",
        ),
    )


class Failed(Out):
    status = fields.Boolean(required=True, validate=validate.Equal(False))
    error = fields.String(required=True, metadata=about("the failure in words, with the remedy", "应该如何处理"))
