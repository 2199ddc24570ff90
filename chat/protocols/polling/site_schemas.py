"""Requests and answers of /site."""

from typing import Any

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import NAME, In, Out, ShortList, WholeNumber
from chat.http.paging_params import Paged, next_field
from chat.http.qr import MAX_CHARS as QR_MAX_CHARS
from chat.protocols.polling.schemas import TIME, Done
from chat.services.accounts import NICKNAME_MAX_CHARS, USERNAME_MAX_CHARS
from chat.services.room_settings import SLOW_MODE_MAX
from chat.services.site import NAME_MAX_CHARS, Registration

_MODES = validate.OneOf(list(Registration))
_REGISTRATION = about(
    "who may register: open everybody, code who has a join code, closed nobody",
    "谁可以注册：open 任何人，code 有加入码的人，closed 不开放",
)
_SITE_NAME = about(
    'what the page calls it; "": Commonroom', '页面显示的名称；"" 为 Commonroom', maxLength=NAME_MAX_CHARS
)
_CODE = about('the join code; "": none yet', '加入码；"" 表示还没有')
_ROOMS = about("whether others than teachers may make rooms", "除老师外是否可以创建聊天室")
_PRIVATE = about("whether rooms that only their members see may be made", "是否可以创建只有成员可见的聊天室")
_DIRECT = about("whether direct conversations may be begun", "是否可以开始私聊")
_NAMES = about("whether others than teachers may change their own names", "除老师外是否可以修改自己的名称")

_SLOW_MODE = (
    "seconds between two messages of one person, in rooms without a setting of their own (0 to 3600)",
    "没有自己设置的聊天室中，每人两条消息的间隔秒数（0 到 3600）",
)

KEEP_DAYS_MAX = 3650
_KEEP_DAYS = (
    "after how many days messages are removed for good, with their pictures and files (0: never)",
    "消息保留的天数，过后连同图片和文件一并彻底删除（0：一直保留）",
)


def _switch(metadata: dict[str, Any], **more: Any) -> fields.Boolean:
    return fields.Boolean(truthy={True}, falsy={False}, metadata=metadata, **more)


class Claim(In):
    token = fields.String(
        required=True,
        validate=validate.Length(max=100),
        metadata=about("the last part of the link", "链接的最后一部分", examples=["kT3…"]),
    )


class WantedSettings(In):
    """Absent settings stay unchanged."""

    version = WholeNumber("of the settings that you have seen", "你所看到的设置的版本", required=True, examples=[0])
    new_code = _switch(about("true: the join code is replaced", "true：更换加入码"), load_default=False)
    name = fields.String(validate=validate.Length(max=NAME_MAX_CHARS), metadata=_SITE_NAME)
    registration = fields.String(validate=_MODES, metadata=_REGISTRATION)
    pupils_make_rooms = _switch(_ROOMS)
    private_rooms = _switch(_PRIVATE)
    direct_conversations = _switch(_DIRECT)
    keep_days = WholeNumber(*_KEEP_DAYS, validate=validate.Range(0, KEEP_DAYS_MAX), examples=[0])
    slow_mode = WholeNumber(*_SLOW_MODE, validate=validate.Range(0, SLOW_MODE_MAX), examples=[0])
    pupils_change_names = _switch(_NAMES)


class QrTexts(In):
    texts = ShortList(
        fields.String(validate=validate.Length(min=1, max=QR_MAX_CHARS)),
        100,
        required=True,
        metadata=about("at most 100 texts of at most 300 characters", "最多 100 段文字，每段最多 300 个字符"),
    )


class PeopleQuery(In, Paged):
    """Filters of the list of accounts."""


class SomeUser(In):
    user = fields.String(required=True, validate=NAME, metadata=about("a username", "用户名", examples=["bob"]))


class Disabling(SomeUser):
    disabled = _switch(about("false: they may log in again", "false：恢复登录"), required=True)


class Appointment(SomeUser):
    teacher = _switch(about("false: no longer", "false：取消"), required=True)


class NewName(SomeUser):
    """Absent fields stay unchanged."""

    username = fields.String(
        load_default=None,
        allow_none=True,
        validate=NAME,
        metadata=about("the new username", "新的用户名", maxLength=USERNAME_MAX_CHARS, examples=["bobby"]),
    )
    nickname = fields.String(
        load_default=None,
        allow_none=True,
        validate=NAME,
        metadata=about("what others see", "显示给他人的昵称", maxLength=NICKNAME_MAX_CHARS, examples=["Bob"]),
    )


class SiteShown(Done):
    name = fields.String(required=True, metadata=_SITE_NAME)
    registration = fields.String(required=True, validate=_MODES, metadata=_REGISTRATION)
    has_teacher = fields.Boolean(required=True)


class SettingsShown(Done):
    version = fields.Integer(required=True)
    name = fields.String(required=True, metadata=_SITE_NAME)
    registration = fields.String(required=True, validate=_MODES, metadata=_REGISTRATION)
    code = fields.String(required=True, metadata=_CODE)
    pupils_make_rooms = fields.Boolean(required=True, metadata=_ROOMS)
    private_rooms = fields.Boolean(required=True, metadata=_PRIVATE)
    direct_conversations = fields.Boolean(required=True, metadata=_DIRECT)
    keep_days = fields.Integer(required=True, metadata=about(*_KEEP_DAYS))
    slow_mode = fields.Integer(required=True, metadata=about(*_SLOW_MODE))
    pupils_change_names = fields.Boolean(required=True, metadata=_NAMES)


class PersonShown(Out):
    username = fields.String(required=True)
    nickname = fields.String(required=True)
    id = fields.Integer(required=True)
    email = fields.String(required=True)
    teacher = fields.Boolean(required=True)
    disabled = fields.Boolean(required=True)
    must_change_password = fields.Boolean(required=True)
    online = fields.Boolean(required=True)
    created = fields.String(required=True, metadata=about("UTC", "UTC", examples=[TIME]))


class PeopleFound(Done):
    people = fields.List(fields.Nested(PersonShown), required=True)
    total = fields.Integer(required=True, metadata=about("of all accounts", "账号总数"))
    next = next_field()


class QrCode(Out):
    size = fields.Integer(required=True, metadata=about("modules a side", "每边的模块数"))
    path = fields.String(required=True, metadata=about("an SVG path of the dark ones", "深色模块的 SVG 路径"))


class QrCodes(Done):
    codes = fields.List(fields.Nested(QrCode), required=True)


class Addresses(Done):
    addresses = fields.List(fields.String(), required=True, metadata=about("at least one", "至少一个"))


class OneTimePassword(Done):
    user = fields.String(required=True)
    password = fields.String(required=True, metadata=about("shown this once", "仅显示这一次"))
