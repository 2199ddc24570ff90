"""Answers: the site and its people."""

from marshmallow import fields

from chat.http.api_spec import about
from chat.http.fields import Out
from chat.http.paging_params import next_field
from chat.protocols.polling.fields import TIME
from chat.protocols.polling.responses.done import Done
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

_CODE = about('the join code; "": none yet', '加入码；"" 表示还没有')


class SiteShown(Done):
    name = fields.String(required=True, metadata=SITE_NAME)
    registration = fields.String(required=True, validate=MODES, metadata=REGISTRATION)
    has_teacher = fields.Boolean(required=True)


class SettingsShown(Done):
    version = fields.Integer(required=True)
    name = fields.String(required=True, metadata=SITE_NAME)
    registration = fields.String(required=True, validate=MODES, metadata=REGISTRATION)
    code = fields.String(required=True, metadata=_CODE)
    pupils_make_rooms = fields.Boolean(required=True, metadata=ROOMS)
    private_rooms = fields.Boolean(required=True, metadata=PRIVATE)
    direct_conversations = fields.Boolean(required=True, metadata=DIRECT)
    keep_days = fields.Integer(required=True, metadata=about(*KEEP_DAYS))
    slow_mode = fields.Integer(required=True, metadata=about(*SLOW_MODE))
    pupils_change_names = fields.Boolean(required=True, metadata=NAMES)


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
