"""What requests hold. What more a client sends does no harm: sender, time and names are the server's to say."""

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from chat.http.bodies import whole
from chat.http.pages import Paged

NAME = validate.Length(max=400)  # the services say what a name may be; this only bounds the work
MEMBERS_MAX = 1000


class Number(fields.Field[int]):
    """An id or a size: a whole number, or its digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:  # noqa: ARG002
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
            return int(value)
        value = whole(value)
        if type(value) is not int:
            raise ValidationError("no whole number")
        return value


class _In(Schema):
    class Meta:
        unknown = EXCLUDE


class Nothing(_In):
    """Only the message_type."""


class Credentials(_In):
    username = fields.String(required=True, validate=NAME)
    password = fields.String(required=True)


class Say(_In):
    content = fields.String(required=True)
    chat_group_id = Number(load_default=None, allow_none=True)
    chat_group_name = fields.String(load_default=None, allow_none=True, validate=NAME)
    client_message_id = fields.String(load_default=None, allow_none=True)


class ListUsers(_In, Paged):
    list_type = fields.String(load_default="all", allow_none=True, validate=validate.OneOf(["all", "current_chat"]))
    chat_group_id = Number(load_default=None, allow_none=True)


class ListChats(_In, Paged):
    list_type = fields.String(load_default="joined", allow_none=True, validate=validate.OneOf(["joined", "all"]))


class CreateChat(_In):
    chat_name = fields.String(required=True, validate=NAME)
    member_usernames = fields.List(
        fields.String(validate=NAME), load_default=list, allow_none=True, validate=validate.Length(max=MEMBERS_MAX)
    )


class KnownChat(_In):
    chat_name = fields.String(required=True, validate=NAME)


class ListFiles(_In, Paged):
    chat_group_id = Number(load_default=None, allow_none=True)


class UploadFile(_In):
    """file_data is of no use: the bytes come after the line."""

    filename = fields.String(required=True, validate=validate.Length(min=1, max=1000))
    file_size = Number(required=True)
    chat_group_id = Number(load_default=None, allow_none=True)


class DownloadFile(_In):
    file_id = Number(required=True)
