"""Answers: rosters."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import Out
from chat.protocols.polling.responses.done import Done
from chat.services.roster_imports import ImportState


class PersonOfRoster(Out):
    line = fields.Integer(required=True)
    username = fields.String(required=True)
    name = fields.String(required=True)
    rooms = fields.List(fields.String(), required=True)
    has_password = fields.Boolean(required=True, metadata=about("false: one is made", "false：自动生成"))
    known = fields.Boolean(required=True, metadata=about("has an account already", "已有账号"))


class MistakeOfRoster(Out):
    line = fields.Integer(required=True, metadata=about("0: the whole file", "0：整个文件"))
    text = fields.String(required=True)


class Checked(Done):
    people = fields.List(fields.Nested(PersonOfRoster), required=True)
    errors = fields.List(fields.Nested(MistakeOfRoster), required=True)


class Card(Out):
    username = fields.String(required=True)
    name = fields.String(required=True)
    password = fields.String(required=True, metadata=about('"": it stays', '"" 表示不变'))


class ImportBegun(Done):
    id = fields.String(required=True)
    total = fields.Integer(required=True)
    cards = fields.List(fields.Nested(Card), required=True, metadata=about("shown this once", "仅显示这一次"))


class ImportShown(Done):
    state = fields.String(required=True, validate=validate.OneOf(list(ImportState)))
    done = fields.Integer(required=True)
    total = fields.Integer(required=True)
