"""The bodies this protocol takes."""

from marshmallow import EXCLUDE, Schema, fields, validate

NAME = validate.Length(max=400)  # the services say what a name may be; this only bounds the work


class _Body(Schema):
    class Meta:
        unknown = EXCLUDE  # clients send more than the document has; it does no harm


class NewUser(_Body):
    username = fields.String(required=True, validate=NAME)
    password = fields.String(required=True)
    nickname = fields.String(allow_none=True, load_default=None, validate=NAME)


class Credentials(_Body):
    username = fields.String(required=True, validate=NAME)
    password = fields.String(required=True)


class NewRoom(_Body):
    name = fields.String(required=True, validate=NAME)
