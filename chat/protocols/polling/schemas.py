"""The bodies and queries this protocol takes."""

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

NAME = validate.Length(max=400)  # the services say what a name may be; this only bounds the work


class _Body(Schema):
    class Meta:
        unknown = EXCLUDE  # clients send more than the document has; it does no harm


class Credentials(_Body):
    username = fields.String(required=True, validate=NAME)
    password = fields.String(required=True)


class CreateRoom(_Body):
    roomname = fields.String(required=True, validate=NAME)
    type = fields.String(load_default="public")
    passwd = fields.String(load_default="")


class KnownRoom(_Body):
    """To join and to delete. The type is the client's label, and changes nothing."""

    roomname = fields.String(required=True, validate=NAME)
    type = fields.String()
    passwd = fields.String(load_default="")


class LeaveRoom(_Body):
    roomname = fields.String(required=True, validate=NAME)


class NewMessage(_Body):
    """Whatever a client claims of user and timestamp is not even looked at."""

    type = fields.String(load_default="text")
    content = fields.String(required=True)
    client_message_id = fields.String(allow_none=True, load_default=None)


class Send(_Body):
    roomname = fields.String(required=True, validate=NAME)
    new_message: Any = fields.Nested(NewMessage, required=True)
