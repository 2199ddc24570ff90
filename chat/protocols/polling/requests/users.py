"""Requests: users and their sessions."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import NAME, In, join_code, switch, username_text
from chat.http.query_params import Flag
from chat.names import NICKNAME_MAX_CHARS
from chat.protocols.polling.fields import DETAIL
from chat.services.avatars import GIVEN_MAX_CHARS as AVATAR_MAX_CHARS
from chat.services.credentials import PASSWORD_MAX_CHARS


class Credentials(In):
    username = fields.String(required=True, validate=NAME, metadata=username_text("alice"))
    password = fields.String(
        required=True,
        metadata=about(
            "6 to 128 characters by default",
            "6 到 128 个字符（服务器可另行设置）",
            maxLength=PASSWORD_MAX_CHARS,
            examples=["secret1"],
        ),
    )


class Registration(Credentials):
    join_code = join_code()


class Nothing(In):
    """An empty object."""


class Leaving(In):
    all = switch(
        about("true: all sessions of the user end, in all protocols", "true：该用户在所有协议中的会话都结束"),
        load_default=False,
    )


class OwnPassword(In):
    password = fields.String(required=True, metadata=about("one's own", "自己的密码", examples=["secret1"]))


class NewProfile(In):
    """Absent fields stay unchanged."""

    nickname = fields.String(
        load_default=None,
        allow_none=True,
        validate=NAME,
        metadata=about("what others see", "显示给他人的昵称", maxLength=NICKNAME_MAX_CHARS, examples=["Alice"]),
    )
    avatar = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=AVATAR_MAX_CHARS),
        metadata=about(
            'a picture in Base64 or as a data URL; "" for none',
            '图片的 Base64 编码或 data URL；"" 表示没有',
            examples=[""],
        ),
    )


class NewPassword(In):
    password = fields.String(required=True, metadata=about("the one until now", "当前密码", examples=["secret1"]))
    new_password = fields.String(
        required=True,
        metadata=about(
            "6 to 128 characters, if the server is not set otherwise",
            "6 到 128 个字符（服务器可另行设置）",
            maxLength=PASSWORD_MAX_CHARS,
            examples=["secret2"],
        ),
    )


class MeQuery(In):
    detail = Flag(DETAIL)
