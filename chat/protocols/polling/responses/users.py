"""Answers: users and their sessions."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import Out
from chat.protocols.polling.fields import MORE, TIME
from chat.protocols.polling.responses.done import Done
from chat.services.sessions import SessionState


class Me(Done):
    username = fields.String(required=True)
    nickname = fields.String(required=True)
    id = fields.Integer(required=True)
    email = fields.String(required=True, metadata=about('"" where there is none', '没有时为 ""'))
    teacher = fields.Boolean(metadata=MORE)
    must_change_password = fields.Boolean(
        metadata=about(
            "with ?detail=1: the password is a one-time one, given by a teacher",
            "?detail=1 时：密码为老师给的一次性密码",
        )
    )
    avatar = fields.String(metadata=MORE)


class OwnSession(Out):
    protocol = fields.String(required=True, metadata=about("the protocol that opened it", "登录时所用的协议"))
    address = fields.String(required=True, metadata=about("the client's address", "登录时的地址"))
    created = fields.String(required=True, metadata=about("UTC", "UTC", examples=[TIME]))
    expires = fields.String(required=True, metadata=about("UTC", "UTC", examples=[TIME]))
    current = fields.Boolean(required=True, metadata=about("the session of this request", "即本次请求的会话"))


class OwnSessions(Done):
    sessions = fields.List(fields.Nested(OwnSession), required=True)


class Session(Done):
    state = fields.String(
        required=True,
        validate=validate.OneOf(list(SessionState)),
        metadata=about(
            "living, none, or why it ended: password (changed), deleted (the account), ended (logged out, or too old)",
            "living 有效；none 没有会话；结束原因：password 密码已更改，deleted 账号已删除，ended 已登出或过期",
        ),
    )
    username = fields.String(required=True, metadata=about('while it lives, else ""', '会话有效时的用户名，否则为 ""'))
