"""Requests: what views load, and the OpenAPI document shows."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import NAME, In, WholeNumber, join_code, username_text
from chat.http.paging_params import Paged
from chat.models import Role
from chat.names import ROOM_NAME_MAX_CHARS
from chat.services.rooms import DESCRIPTION_MAX_CHARS

LIMIT_DEFAULT = 20
LIMIT_MAX = 100


class Credentials(In):
    username = fields.String(required=True, validate=NAME, metadata=username_text("user12345"))
    password = fields.String(
        required=True, metadata=about("at least 6 characters", "至少 6 个字符", examples=["password12345"])
    )


class Registration(Credentials):
    join_code = join_code()


class CreateRoom(In):
    name = fields.String(
        required=True,
        validate=NAME,
        metadata=about(
            "1 to 60 characters; names may repeat",
            "1 到 60 个字符，可以重名",
            maxLength=ROOM_NAME_MAX_CHARS,
            examples=["room1"],
        ),
    )
    description = fields.String(
        load_default="",
        metadata=about("the room's description", "聊天室说明", maxLength=DESCRIPTION_MAX_CHARS, examples=["test room"]),
    )


class KnownRoom(In):
    room_id = WholeNumber("the room's ID", "聊天室的 ID", required=True, examples=[2])


class ListRooms(In, Paged):
    """The caller's rooms, or a page of them."""


class ListMembers(KnownRoom, Paged):
    """A room's members, or a page of them."""


class AddUser(KnownRoom):
    """The user to add, by id or by name."""

    user_id = WholeNumber("the user's ID", "用户的 ID", examples=[1], allow_none=True, load_default=None)
    user_name = fields.String(
        allow_none=True,
        load_default=None,
        validate=NAME,
        metadata=about("instead of user_id: the username", "可代替 user_id：用户名"),
    )
    role = fields.String(
        load_default=Role.MEMBER,
        validate=validate.OneOf(list(Role)),
        metadata=about("only the owner can assign admin", "只有创建者可以授予 admin"),
    )


class Page(KnownRoom):
    """`limit` messages before last_message_id; the newest ones if it is 0."""

    last_message_id = WholeNumber(
        "messages before this one; 0: the newest", "获取此消息之前的消息；0 表示最新", load_default=0
    )
    limit = WholeNumber("maximum number, 1 to 100", "最多多少条，1 到 100", load_default=LIMIT_DEFAULT)


class Send(KnownRoom):
    """Also a frame of the WebSocket. Sender and time sent by the client are ignored."""

    type = fields.String(load_default="text", metadata=about("text or image", "text 或 image", examples=["text"]))
    content = fields.String(
        required=True,
        metadata=about(
            "the text; or the picture in Base64, also as a data URL",
            "文本；或 Base64 图片（也可为 data URL）",
            examples=["hello"],
        ),
    )
    client_message_id = fields.String(
        allow_none=True,
        load_default=None,
        metadata=about("idempotency id: repeats are stored once", "重发时使用相同的值，消息只保存一次", maxLength=64),
    )
