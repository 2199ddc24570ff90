"""Requests. Additional fields are ignored: the server sets sender, time and names."""

from marshmallow import fields, validate

from chat.http.fields import NAME, In, ShortList, WholeNumber, join_code
from chat.http.paging_params import Paged

MEMBERS_MAX = 1000


class Nothing(In):
    """The message_type only."""


class Credentials(In):
    username = fields.String(required=True, validate=NAME)
    password = fields.String(required=True)


class Registration(Credentials):
    join_code = join_code()


class Say(In):
    content = fields.String(required=True)
    chat_group_id = WholeNumber(load_default=None, allow_none=True)
    chat_group_name = fields.String(load_default=None, allow_none=True, validate=NAME)
    client_message_id = fields.String(load_default=None, allow_none=True)


class ListUsers(In, Paged):
    list_type = fields.String(load_default="all", allow_none=True, validate=validate.OneOf(["all", "current_chat"]))
    chat_group_id = WholeNumber(load_default=None, allow_none=True)


class ListChats(In, Paged):
    list_type = fields.String(load_default="joined", allow_none=True, validate=validate.OneOf(["joined", "all"]))


class CreateChat(In):
    chat_name = fields.String(required=True, validate=NAME)
    member_usernames = ShortList(fields.String(validate=NAME), MEMBERS_MAX, load_default=list, allow_none=True)


class KnownChat(In):
    chat_name = fields.String(required=True, validate=NAME)


class ListFiles(In, Paged):
    chat_group_id = WholeNumber(load_default=None, allow_none=True)


class UploadFile(In):
    """file_data is ignored: the bytes follow the line."""

    filename = fields.String(required=True, validate=validate.Length(min=1, max=1000))
    file_size = WholeNumber(required=True)
    chat_group_id = WholeNumber(load_default=None, allow_none=True)


class DownloadFile(In):
    file_id = WholeNumber(required=True)
