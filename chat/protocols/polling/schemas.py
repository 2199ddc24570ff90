"""Requests and answers of this protocol; views load them, and the OpenAPI document shows them."""

import re
from typing import Any

from marshmallow import EXCLUDE, INCLUDE, ValidationError, fields, validate

from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import about
from chat.http.fields import NAME, AnyOf, In, Out, WholeNumber, join_code
from chat.http.paging_params import Paged, next_field
from chat.http.query_params import Flag, Limit
from chat.models import ChangeKind, Role
from chat.protocols.polling.cursors import parse_cursor
from chat.services.access import LIST_CAP
from chat.services.accounts import NICKNAME_MAX_CHARS, PASSWORD_MAX_CHARS, USERNAME_MAX_CHARS
from chat.services.avatars import GIVEN_MAX_CHARS as AVATAR_MAX_CHARS
from chat.services.messages import CLIENT_MESSAGE_ID_MAX_CHARS
from chat.services.room_settings import TOPIC_MAX_CHARS
from chat.services.rooms import LABEL_MAX_CHARS, NAME_MAX_CHARS
from chat.services.sessions import SessionState

LIMIT_DEFAULT = 100
LIMIT_MAX = 500
TIMEOUT_MAX = 50.0  # seconds; proxies close idle requests after 60
TIME = "2026-11-21T09:15:03.123456Z"

ROOMNAME = about(
    "1 to 60 characters, no spaces at the ends; upper and lower case are the same name",
    "1 到 60 个字符，首尾无空格，不区分大小写",
    minLength=1,
    maxLength=NAME_MAX_CHARS,
    examples=["physics"],
)
_PASSWD = about('"" for an open room', '公开聊天室为 ""')
_DETAIL = about("1 for more keys", "1：返回更多字段")
_LIMIT = about("messages per room; values over 500 count as 500", "每个聊天室的消息数；超过 500 按 500 处理")
_CHANGES = about(
    "1: include changes (edits, deletions, reactions) in their place among the messages, and who is typing",
    "1：同时返回变更（编辑、删除、回应），按时间排在消息之间；以及谁正在输入",
)
_LINKS = about(
    "1: with detail, pictures come as addresses instead of Base64, with width and height",
    "1：与 detail 一起使用时，图片以地址（而非 Base64）返回，并附宽度和高度",
)
_MORE = about("with ?detail=1", "?detail=1 时")
TOPIC = about("the subject of the room", "聊天室的主题", maxLength=TOPIC_MAX_CHARS)
READ_ONLY = about("only owner, admins and teachers write", "只有创建者、管理员和老师可以发言")
SLOW_MODE = ("seconds between two messages of one person (0 to 3600)", "每人两条消息的间隔秒数（0 到 3600）")
SEEN_BY = about("whether members see who has read a message", "成员是否可查看谁已读消息")
ARCHIVED = about("nobody writes; not in lists; still readable", "不能发言，不在列表中，仍可阅读")
_FEEDBACK = about("a sentence for people", "给人看的说明")


class Credentials(In):
    username = fields.String(
        required=True,
        validate=NAME,
        metadata=about(
            "1 to 32 characters, no spaces at the ends; upper and lower case are the same name",
            "1 到 32 个字符，首尾无空格，不区分大小写",
            minLength=1,
            maxLength=USERNAME_MAX_CHARS,
            examples=["alice"],
        ),
    )
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
    all = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata=about("true: all sessions of the user end, in all protocols", "true：该用户在所有协议中的会话都结束"),
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


class CreateRoom(In):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
    type = fields.String(
        load_default="public",
        metadata=about(
            "your label for the room; private requires a passwd",
            "聊天室的标签；private 需要 passwd",
            minLength=1,
            maxLength=LABEL_MAX_CHARS,
        ),
    )
    passwd = fields.String(load_default="", metadata=_PASSWD)


class KnownRoom(In):
    """For joining and deleting. The type is the client's label and has no effect."""

    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
    type = fields.String(metadata=about("without effect", "不起作用"))
    passwd = fields.String(load_default="", metadata=_PASSWD)


class JoinRoom(In):
    """By the room's name, or by a join code."""

    roomname = fields.String(load_default=None, validate=NAME, metadata=ROOMNAME)
    type = fields.String(metadata=about("changes nothing", "不起作用"))
    passwd = fields.String(load_default="", metadata=_PASSWD)
    code = fields.String(
        load_default=None,
        validate=validate.Length(max=100),
        metadata=about("instead of the rest: the room's join code", "可代替其他字段：聊天室的加入码", examples=[""]),
    )


class ByCodeQuery(In):
    code = fields.String(
        required=True,
        validate=validate.Length(max=40),
        metadata=about("a join code", "加入码", examples=["7KM3PX"]),
    )


class CodeQuery(In):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)


class NewCode(CodeQuery):
    off = fields.Boolean(
        load_default=False,
        truthy={True},
        falsy={False},
        metadata=about("true: the room has no join code any more", "true：取消加入码"),
    )


class LeaveRoom(In):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)


class LeaveAll(In):
    owner = fields.String(
        required=True,
        validate=NAME,
        metadata=about("the username of the rooms' owner", "聊天室所有者的用户名", examples=["bob"]),
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
    on = fields.Boolean(
        load_default=True,
        truthy={True},
        falsy={False},
        metadata=about("false: take one's own away", "false：取消自己的回应"),
    )


class Pinning(OneMessage):
    on = fields.Boolean(
        load_default=True, truthy={True}, falsy={False}, metadata=about("false: unpin it", "false：取消置顶")
    )


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


class FindQuery(In, Paged):
    detail = Flag(_DETAIL)
    joined = Flag(about("1: only joined rooms", "1：只返回已加入的聊天室"))
    archived = Flag(about("1: archived rooms instead of the others", "1：改为返回已归档的聊天室"))


class MeQuery(In):
    detail = Flag(_DETAIL)


class MembersQuery(In, Paged):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
    detail = Flag(_DETAIL)
    role = fields.String(
        load_default=None,
        allow_none=False,
        validate=validate.OneOf(list(Role)),
        metadata=about("only members with this role", "只返回此角色的成员"),
    )
    alike = Flag(about("1: only members whose name looks like another's", "1：只返回名称与他人相似的成员"))


class AnnouncementsQuery(In, Paged):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)


class _RoomIds(fields.Field[frozenset[int]]):
    """Comma-separated numbers, as a set. No room has the number 0."""

    PATTERN = r"^[0-9]{1,18}(,[0-9]{1,18}){0,99}$"

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> frozenset[int]:
        if not re.fullmatch(self.PATTERN, value):
            raise ValidationError("Not numbers with commas.")
        return frozenset(map(int, value.split(",")))


class PullQuery(In):
    limit = Limit(LIMIT_DEFAULT, LIMIT_MAX, _LIMIT)
    timeout = fields.Float(
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
            "1: the pull also ends, without messages, when somebody joins or leaves one of its rooms, or posts an "
            "announcement there",
            "1：有人加入或离开其中的聊天室，或其中有新公告时，也结束等待（没有消息）",
        )
    )
    read = _RoomIds(
        load_default=None,
        metadata=about(
            "comma-separated ids of the rooms on screen; 0: none. Only their cursors become read marks. Absent: all",
            "正在查看的聊天室 id，以逗号分隔；0 表示没有。只有这些聊天室的游标算作已读；缺省为全部",
            type="string",
            pattern=_RoomIds.PATTERN,
            examples=["1"],
        ),
    )
    changes = Flag(_CHANGES)
    links = Flag(_LINKS)
    detail = Flag(_DETAIL)


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
    detail = Flag(_DETAIL)


class Done(Out):
    """The keys of every answer; most answers have no others."""

    status = fields.String(required=True, validate=validate.Equal("success"))
    feedback = fields.String(required=True, metadata=_FEEDBACK)


class Failed(Out):
    status = fields.String(required=True, validate=validate.Equal("failure"))
    feedback = fields.String(required=True, metadata=about("the failure in words, with the remedy", "应该如何处理"))
    code = fields.String(
        metadata=about("with X-Chat-Errors: codes: the failure's name", "请求头 X-Chat-Errors: codes 时：错误的名称")
    )
    data = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata=about(
            "with X-Chat-Errors: codes: its numbers (limit, min, max, retry_after)",
            "请求头 X-Chat-Errors: codes 时：相关数值",
        ),
    )


class Me(Done):
    username = fields.String(required=True)
    nickname = fields.String(required=True)
    id = fields.Integer(required=True)
    email = fields.String(required=True, metadata=about('"" where there is none', '没有时为 ""'))
    teacher = fields.Boolean(metadata=_MORE)
    must_change_password = fields.Boolean(
        metadata=about(
            "with ?detail=1: the password is a one-time one, given by a teacher",
            "?detail=1 时：密码为老师给的一次性密码",
        )
    )
    avatar = fields.String(metadata=_MORE)


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


class Joined(Done):
    roomname = fields.String(metadata=about("where a code was given: the room's name", "使用加入码时：聊天室名称"))


class RoomOfCode(Done):
    roomname = fields.String(required=True)


class JoinCode(Done):
    code = fields.String(required=True, metadata=about('the join code; "": none', '加入码；"" 表示没有'))


class RoomShown(Out):
    roomname = fields.String(required=True)
    type = fields.String(required=True)
    membercount = fields.Integer(required=True)
    id = fields.Integer(metadata=_MORE)
    joined = fields.Boolean(metadata=_MORE)
    role = fields.String(allow_none=True, validate=validate.OneOf(list(Role)), metadata=_MORE)
    locked = fields.Boolean(metadata=_MORE)
    unread = fields.Integer(metadata=_MORE)
    mentions = fields.Integer(
        metadata=about("with ?detail=1: how many unread messages mention one", "?detail=1 时：提到自己的未读消息数")
    )
    last_time = fields.String(
        metadata=about('with ?detail=1: of the last message, or ""', '?detail=1 时：最新消息的时间，或 ""')
    )
    topic = fields.String(metadata=_MORE)
    read_only = fields.Boolean(metadata=_MORE)
    slow_mode = fields.Integer(
        metadata=about(
            "with ?detail=1: seconds between two messages of one person", "?detail=1 时：每人两条消息的间隔秒数"
        )
    )
    archived = fields.Boolean(metadata=_MORE)
    seen_by = fields.Boolean(metadata=_MORE)
    muted_until = fields.String(
        metadata=about(
            'with ?detail=1: until when the caller cannot write, or ""', '?detail=1 时：自己被禁言到何时，或 ""'
        )
    )


class RoomsFound(Done):
    rooms = fields.List(fields.Nested(RoomShown), required=True)
    next = next_field()


class MemberShown(Out):
    user = fields.String(required=True)
    nickname = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(list(Role)))
    online = fields.Boolean(required=True)
    user_id = fields.Integer(metadata=_MORE)
    teacher = fields.Boolean(metadata=_MORE)
    alike = fields.Boolean(
        metadata=about(
            "with ?detail=1: whether another member's name looks the same",
            "?detail=1 时：是否与其他成员的名称相似",
        )
    )
    avatar = fields.String(metadata=_MORE)
    muted_until = fields.String(
        metadata=about('with ?detail=1: until when they cannot write, or ""', '?detail=1 时：被禁言到何时，或 ""')
    )


class MembersFound(Done):
    members = fields.List(fields.Nested(MemberShown), required=True)
    next = next_field()


class AnnouncementShown(Out):
    id = fields.Integer(required=True)
    user = fields.String(required=True, metadata=about("the author's username", "发布者的用户名"))
    user_id = fields.Integer(required=True)
    nickname = fields.String(required=True, metadata=about("the author's", "发布者的昵称"))
    content = fields.String(required=True)
    timestamp = fields.String(required=True, metadata=about("UTC", "UTC", examples=[TIME]))


class AnnouncementsFound(Done):
    announcements = fields.List(fields.Nested(AnnouncementShown), required=True)
    next = next_field()


class MessageShown(Out):
    user = fields.String(required=True, metadata=about("the username", "用户名"))
    type = fields.String(required=True, validate=validate.OneOf(["text", "img", "file"]))
    timestamp = fields.String(
        required=True,
        metadata=about(
            "when it was stored; send it back as your cursor",
            "存储时间；原样发回作为游标",
            format="date-time",
            examples=[TIME],
        ),
    )
    content = fields.String(
        required=True,
        metadata=about(
            "the text, the picture in Base64, or the file's address", "文字、图片的 Base64 编码或文件的地址"
        ),
    )
    id = fields.Integer(metadata=_MORE)
    user_id = fields.Integer(metadata=_MORE)
    nickname = fields.String(metadata=_MORE)
    teacher = fields.Boolean(metadata=_MORE)
    avatar = fields.String(metadata=_MORE)
    reply_to = fields.Integer(allow_none=True, metadata=_MORE)
    client_message_id = fields.String(allow_none=True, metadata=_MORE)
    filename = fields.String(metadata=about("of a file, with ?detail=1", "?detail=1 时：文件名"))
    width = fields.Integer(allow_none=True, metadata=about("of a picture, with ?links=1", "?links=1 时：图片宽度"))
    height = fields.Integer(allow_none=True, metadata=about("of a picture, with ?links=1", "?links=1 时：图片高度"))
    size = fields.Integer(metadata=about("of a file in bytes, with ?detail=1", "?detail=1 时：文件大小（字节）"))
    edited = fields.String(
        allow_none=True,
        metadata=about(
            "with ?detail=1: when the text was last edited, or null", "?detail=1 时：文字最后一次编辑的时间，或 null"
        ),
    )
    reactions = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata=about("with ?detail=1: by emoji, the usernames of who put it there", "?detail=1 时：各表情的回应者"),
    )
    mentions = fields.List(
        fields.String(),
        metadata=about("with ?detail=1: usernames of whom it names", "?detail=1 时：提到的成员"),
    )
    mentions_all = fields.Boolean(metadata=about("with ?detail=1: whether it has @all", "?detail=1 时：是否 @all"))


class RoomSettingsShown(Out):
    version = fields.Integer(required=True, metadata=about("of the settings", "设置的版本"))
    topic = fields.String(required=True, metadata=TOPIC)
    read_only = fields.Boolean(required=True, metadata=READ_ONLY)
    slow_mode = fields.Integer(required=True, metadata=about(*SLOW_MODE))
    slow_mode_is_default = fields.Boolean(
        required=True, metadata=about("whether slow_mode is the site's default", "slow_mode 是否为站点的默认值")
    )
    archived = fields.Boolean(required=True, metadata=ARCHIVED)
    seen_by = fields.Boolean(required=True, metadata=SEEN_BY)


class MemberState(Out):
    """A member after a change."""

    user = fields.String(required=True, metadata=about("the username", "用户名"))
    user_id = fields.Integer(required=True)
    role = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(list(Role)),
        metadata=about("null: not a member any more", "null：不再是成员"),
    )
    muted_until = fields.String(required=True)


class ChangeShown(Out):
    """With ?changes=1, among the messages."""

    change = fields.String(required=True, validate=validate.OneOf(list(ChangeKind)))
    timestamp = fields.String(
        required=True,
        metadata=about(
            "the time of the change; a cursor like a message's",
            "变更时间；与消息的 timestamp 一样可作游标",
            format="date-time",
            examples=[TIME],
        ),
    )
    id = fields.Integer(metadata=about("of the message, for changes of messages", "消息的 id（消息变更时）"))
    user = fields.String(required=True, metadata=about("the username of the actor", "执行者的用户名"))
    user_id = fields.Integer(required=True)
    content = fields.String(metadata=about("of an edit: the current text", "编辑时：现在的文字"))
    mentions = fields.List(fields.String(), metadata=about("of an edit", "编辑时"))
    mentions_all = fields.Boolean(metadata=about("of an edit", "编辑时"))
    emoji = fields.String(metadata=about("of a reaction", "回应的表情符号"))
    on = fields.Boolean(
        metadata=about("of a reaction: put there, or taken away; of a pin", "添加或取消回应；置顶或取消置顶")
    )
    settings = fields.Nested(RoomSettingsShown, metadata=about("of the room", "聊天室的设置"))
    members = fields.List(fields.Nested(MemberState), metadata=about("the changed members", "有变化的成员"))


class Pulled(Done):
    class Meta:
        unknown = INCLUDE
        others = fields.List(
            AnyOf(MessageShown, ChangeShown),
            metadata=about("by the room's name, its messages, oldest first", "以聊天室名称为键：其消息，由旧到新"),
        )


class HistoryPage(Done):
    messages = fields.List(AnyOf(MessageShown, ChangeShown), required=True)
    more = fields.Boolean(metadata=about("with ?detail=1: whether there are older ones", "?detail=1 时：是否有更早的"))
    newer = fields.Boolean(
        metadata=about(
            "with ?detail=1 and ?around=: whether there are newer ones", "?detail=1 且 ?around= 时：是否有更新的"
        )
    )
