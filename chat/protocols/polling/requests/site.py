"""Requests: the site and its people."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import NAME, In, ShortList, WholeNumber, switch
from chat.http.paging_params import Paged
from chat.http.qr import MAX_CHARS as QR_MAX_CHARS
from chat.names import NICKNAME_MAX_CHARS, USERNAME_MAX_CHARS
from chat.protocols.polling.site_fields import (
    DIRECT,
    KEEP_DAYS,
    MODES,
    NAMES,
    PRIVATE,
    REGISTRATION,
    ROOMS,
    SITE_NAME,
    SLOW_MODE,
)
from chat.services.room_settings import SLOW_MODE_MAX

KEEP_DAYS_MAX = 3650


class Claim(In):
    token = fields.String(
        required=True,
        validate=validate.Length(max=100),
        metadata=about("the last part of the link", "链接的最后一部分", examples=["kT3…"]),
    )


class WantedSettings(In):
    """Absent settings stay unchanged."""

    version = WholeNumber("of the settings that you have seen", "你所看到的设置的版本", required=True, examples=[0])
    new_code = switch(about("true: the join code is replaced", "true：更换加入码"), load_default=False)
    name = fields.String(metadata=SITE_NAME)
    registration = fields.String(validate=MODES, metadata=REGISTRATION)
    pupils_make_rooms = switch(ROOMS)
    private_rooms = switch(PRIVATE)
    direct_conversations = switch(DIRECT)
    keep_days = WholeNumber(*KEEP_DAYS, validate=validate.Range(0, KEEP_DAYS_MAX), examples=[0])
    slow_mode = WholeNumber(*SLOW_MODE, validate=validate.Range(0, SLOW_MODE_MAX), examples=[0])
    pupils_change_names = switch(NAMES)


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
    disabled = switch(about("false: they may log in again", "false：恢复登录"), required=True)


class Appointment(SomeUser):
    teacher = switch(about("false: no longer", "false：取消"), required=True)


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
