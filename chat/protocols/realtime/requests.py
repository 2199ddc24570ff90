"""Requests: what views load, and the OpenAPI document shows."""

from marshmallow import fields

from chat.http.api_spec import about
from chat.http.fields import NAME, In, join_code, username_text
from chat.http.paging_params import Paged
from chat.names import NICKNAME_MAX_CHARS, ROOM_NAME_MAX_CHARS
from chat.services.credentials import PASSWORD_MAX_CHARS

USERNAME = username_text("zhangjiagou")
ROOM_ID = about("the room's id", "聊天室的 id", examples=["2"])


class NewUser(In):
    username = fields.String(required=True, validate=NAME, metadata=USERNAME)
    password = fields.String(
        required=True,
        metadata=about(
            "as typed; 6 to 128 characters by default",
            "原文；6 到 128 个字符（服务器可另行设置）",
            maxLength=PASSWORD_MAX_CHARS,
            examples=["zjh1997@stupid"],
        ),
    )
    nickname = fields.String(
        allow_none=True,
        load_default=None,
        validate=NAME,
        metadata=about(
            "the displayed name; the username if absent",
            "显示给他人的昵称；缺省为用户名",
            maxLength=NICKNAME_MAX_CHARS,
            examples=["I'm angry"],
        ),
    )
    join_code = join_code()


class Credentials(In):
    username = fields.String(required=True, validate=NAME, metadata=USERNAME)
    password = fields.String(
        required=True,
        metadata=about(
            "the password's MD5 or SHA-1 in hex, in any case, or the password itself",
            "密码的 MD5 或 SHA-1（十六进制，大小写均可），或密码原文",
            examples=["f804ee6f573359a5aea94701f984e6b3"],
        ),
    )


class Nothing(In):
    """An empty object."""


class ListRooms(In, Paged):
    """A list of rooms, or a page of it."""


class NewRoom(In):
    name = fields.String(
        required=True,
        validate=NAME,
        metadata=about(
            "1 to 60 characters, no spaces at the ends; names may repeat",
            "1 到 60 个字符，首尾无空格；名称可以重复",
            minLength=1,
            maxLength=ROOM_NAME_MAX_CHARS,
            examples=["zhangjiagou的聊天室的名字"],
        ),
    )


class Token(In):
    """The first frame on the WebSocket."""

    token = fields.String(required=True)


class Said(In):
    """The frames after the first. A sender sent by the client is ignored."""

    msg = fields.String(required=True)
    client_message_id = fields.String(allow_none=True, load_default=None)
