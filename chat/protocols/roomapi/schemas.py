"""The bodies and queries this protocol takes."""

import re
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from chat.models import Role

LIMIT_DEFAULT = 20
LIMIT_MAX = 100
NAME = validate.Length(max=400)  # the services say what a name may be; this only bounds the work
_DIGITS = re.compile(r"-?[0-9]+", re.ASCII)
_MAX_DIGITS = 20  # beyond 64 bits anyway; and Python does not turn thousands of them into a number
_BEYOND = 2**63  # no database has it


class Number(fields.Field[int]):
    """An integer, or its digits: queries have no numbers, and neither do the forms that some clients send on."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            if len(value) <= _MAX_DIGITS:
                return int(value)
            return -_BEYOND if value.startswith("-") else _BEYOND
        raise self.make_error("validator_failed")


class _In(Schema):
    class Meta:
        unknown = EXCLUDE  # clients send more than the document has; it does no harm


class Credentials(_In):
    username = fields.String(required=True, validate=NAME)
    password = fields.String(required=True)


class CreateRoom(_In):
    name = fields.String(required=True, validate=NAME)
    description = fields.String(load_default="")


class KnownRoom(_In):
    room_id = Number(required=True)


class AddUser(KnownRoom):
    """Who is added: by their id, or by their name."""

    user_id = Number(allow_none=True, load_default=None)
    user_name = fields.String(allow_none=True, load_default=None, validate=NAME)
    role = fields.String(load_default=Role.MEMBER, validate=validate.OneOf(list(Role)))


class Page(KnownRoom):
    """limit messages before last_message_id; the newest ones if that is 0."""

    last_message_id = Number(load_default=0)
    limit = Number(load_default=LIMIT_DEFAULT)


class Send(KnownRoom):
    """Also a frame of the WebSocket. Whatever a client claims of sender and time is not even looked at."""

    type = fields.String(load_default="text")
    content = fields.String(required=True)
    client_message_id = fields.String(allow_none=True, load_default=None)
