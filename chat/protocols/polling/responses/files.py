"""Answers: uploads."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.protocols.polling.fields import TIME
from chat.protocols.polling.responses.done import Done


class Uploaded(Done):
    id = fields.Integer(required=True, metadata=about("of the message", "消息的 id"))
    timestamp = fields.String(required=True, metadata=about("of the message", "消息的时间", examples=[TIME]))
    type = fields.String(required=True, validate=validate.OneOf(["img", "file"]))
