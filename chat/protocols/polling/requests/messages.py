"""Requests: messages, pulls and the history."""

import re
from typing import Any

from marshmallow import EXCLUDE, ValidationError, fields, validate

from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import about
from chat.http.fields import NAME, In, WholeNumber, switch
from chat.http.query_params import Flag, Limit
from chat.protocols.polling.cursors import parse_cursor
from chat.protocols.polling.fields import DETAIL, ROOMNAME, TIME
from chat.services.access import LIST_CAP
from chat.services.messages import CLIENT_MESSAGE_ID_MAX_CHARS

LIMIT_DEFAULT = 100
LIMIT_MAX = 500
TIMEOUT_MAX = 50.0  # seconds; proxies close idle requests after 60
_LIMIT = about("messages per room; values over 500 count as 500", "每个聊天室的消息数；超过 500 按 500 处理")
_CHANGES = about(
    "1: include changes (edits, deletions, reactions) in their place among the messages, and who is typing",
    "1：同时返回变更（编辑、删除、回应），按时间排在消息之间；以及谁正在输入",
)
_LINKS = about(
    "1: with detail, pictures come as addresses instead of Base64, with width and height",
    "1：与 detail 一起使用时，图片以地址（而非 Base64）返回，并附宽度和高度",
)


class NewMessage(In):
    """User and timestamp sent by the client are ignored."""

    type = fields.String(load_default="text", metadata=about("text or img", "text 或 img", enum=["text", "img"]))
    content = fields.String(
        required=True,
        metadata=about("the text, or the picture in Base64", "文字，或图片的 Base64 编码", examples=["Hello!"]),
    )
    client_message_id = fields.String(
        allow_none=True,
        load_default=None,
        metadata=about(
            "idempotency id: a repeated message with the same id is stored once",
            "自定的标识：同一用户在同一聊天室重复发送只存一次",
            minLength=1,
            maxLength=CLIENT_MESSAGE_ID_MAX_CHARS,
        ),
    )
    reply_to = WholeNumber(
        "the id of a message of the same room that this answers",
        "所回复的消息的 id（同一聊天室）",
        allow_none=True,
        load_default=None,
    )


class Send(In):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
    new_message: Any = fields.Nested(NewMessage, required=True)


class OneMessage(In):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
    id = WholeNumber("the message's id", "消息的 id", examples=[1], required=True)


class Edit(OneMessage):
    content = fields.String(required=True, metadata=about("the new text", "新的文字", examples=["Hello, all!"]))
    edited = fields.String(
        allow_none=True,
        load_default=None,
        metadata=about(
            'the `edited` of the message that you saw, or "" where it was null: 409 if it has been edited since',
            '你看到的消息的 edited，为 null 时用 ""：若此后又被编辑则返回 409',
            examples=["", TIME],
        ),
    )


class React(OneMessage):
    emoji = fields.String(required=True, metadata=about("one emoji", "一个表情符号", examples=["👍"]))
    on = switch(about("false: take one's own away", "false：取消自己的回应"), load_default=True)


class Pinning(OneMessage):
    on = switch(about("false: unpin it", "false：取消置顶"), load_default=True)


class Cursors(In):
    """{room: cursor, …}"""

    class Meta:
        unknown = EXCLUDE
        examples = [{"physics": ""}]
        others = fields.Raw(
            metadata=about(
                'by the room\'s name, the timestamp of the last message you have; "" from the start',
                '以聊天室名称为键：你已有的最新消息的 timestamp；"" 表示从头开始',
                anyOf=[
                    {"type": ["string", "number"]},
                    {"type": "object", "required": ["timestamp"], "properties": {"timestamp": {}}},
                ],
                examples=["", TIME],
            )
        )

    def load(self, data: Any, **_: Any) -> dict[str, int]:
        """Load as µs by room. Raises FIELD_INVALID for too many rooms, CURSOR_INVALID."""
        if len(data) > LIST_CAP:
            raise ChatError(ErrorCode.FIELD_INVALID, field="rooms")
        return {room: parse_cursor(room, value) for room, value in data.items()}


class _Ids(fields.Field[frozenset[int]]):
    """Comma-separated numbers, as a set. Nothing has the number 0."""

    PATTERN = r"^[0-9]{1,18}(,[0-9]{1,18}){0,99}$"

    def __init__(self, english: str, chinese: str, **options: Any) -> None:
        described = about(english, chinese, type="string", pattern=self.PATTERN, examples=["1"])
        super().__init__(metadata=described, **options)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> frozenset[int]:
        if not re.fullmatch(self.PATTERN, value):
            raise ValidationError("Not numbers with commas.")
        return frozenset(map(int, value.split(",")))


class _Seconds(fields.Float):
    """A number in a query, without what only Python reads: digits of other scripts, and underscores between them."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        if not value.isascii() or "_" in value:
            raise ValidationError("Not a number.")
        return super()._deserialize(value, *args, **options)


class PullQuery(In):
    limit = Limit(LIMIT_DEFAULT, LIMIT_MAX, _LIMIT)
    timeout = _Seconds(
        load_default=None,
        allow_none=False,
        validate=validate.Range(min=0),
        metadata=about(
            "seconds for which the pull may be held; 0 answers immediately, values over 50 count as 50",
            "最长等待的秒数；0 表示立即返回，超过 50 按 50 处理",
        ),
    )
    members = Flag(
        about(
            "1: the pull also ends, without messages, when somebody joins or leaves one of its rooms, a member's name, "
            "badge or avatar changes, or somebody posts an announcement there",
            "1：有人加入或离开其中的聊天室，成员的名称、标记或头像有变化，或其中有新公告时，也结束等待（没有消息）",
        )
    )
    read = _Ids(
        "comma-separated ids of the rooms on screen; 0: none. Only their cursors become read marks. Absent: all",
        "正在查看的聊天室 id，以逗号分隔；0 表示没有。只有这些聊天室的游标算作已读；缺省为全部",
        load_default=None,
    )
    changes = Flag(_CHANGES)
    links = Flag(_LINKS)
    detail = Flag(DETAIL)


class HistoryQuery(In):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
    before = fields.String(
        load_default="",
        metadata=about("the timestamp of the oldest message you have", "你已有的最早消息的 timestamp", examples=[TIME]),
    )
    around = Limit(
        None,
        2**63 - 1,
        about(
            "a message's id: the page contains it and those before and after it, without changes; `before` is ignored",
            "消息的 id：返回它及其前后的消息（不含变更），此时忽略 before",
            type="integer",
            minimum=1,
            examples=[],
        ),
    )
    limit = Limit(LIMIT_DEFAULT, LIMIT_MAX, _LIMIT)
    changes = Flag(_CHANGES)
    links = Flag(_LINKS)
    detail = Flag(DETAIL)


class AuthorsQuery(In):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
    messages = _Ids("comma-separated ids of messages, at most 100", "消息的 id，以逗号分隔，最多 100 个", required=True)
