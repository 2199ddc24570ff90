"""Requests: rooms and members."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import NAME, In, switch
from chat.http.paging_params import Paged
from chat.http.query_params import Flag
from chat.models import Role
from chat.protocols.polling.fields import DETAIL, ROOMNAME
from chat.services.rooms import LABEL_MAX_CHARS

_PASSWD = about('"" for an open room', '公开聊天室为 ""')


class CreateRoom(In):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
    type = fields.String(
        load_default="public",
        metadata=about(
            "your label for the room; private requires a passwd",
            "聊天室的标签；private 需要 passwd",
            minLength=1,
            maxLength=LABEL_MAX_CHARS,
        ),
    )
    passwd = fields.String(load_default="", metadata=_PASSWD)


class KnownRoom(In):
    """For joining and deleting. The type is the client's label and has no effect."""

    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
    type = fields.String(metadata=about("without effect", "不起作用"))
    passwd = fields.String(load_default="", metadata=_PASSWD)


class JoinRoom(In):
    """By the room's name, or by a join code."""

    roomname = fields.String(load_default=None, validate=NAME, metadata=ROOMNAME)
    type = fields.String(metadata=about("changes nothing", "不起作用"))
    passwd = fields.String(load_default="", metadata=_PASSWD)
    code = fields.String(
        load_default=None,
        validate=validate.Length(max=100),
        metadata=about("instead of the rest: the room's join code", "可代替其他字段：聊天室的加入码", examples=[""]),
    )


class ByCodeQuery(In):
    code = fields.String(
        required=True,
        validate=validate.Length(max=40),
        metadata=about("a join code", "加入码", examples=["7KM3PX"]),
    )


class CodeQuery(In):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)


class NewCode(CodeQuery):
    off = switch(about("true: the room has no join code any more", "true：取消加入码"), load_default=False)


class LeaveRoom(In):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)


class LeaveAll(In):
    owner = fields.String(
        required=True,
        validate=NAME,
        metadata=about("the username of the rooms' owner", "聊天室所有者的用户名", examples=["bob"]),
    )


class FindQuery(In, Paged):
    detail = Flag(DETAIL)
    joined = Flag(about("1: only joined rooms", "1：只返回已加入的聊天室"))
    archived = Flag(about("1: archived rooms instead of the others", "1：改为返回已归档的聊天室"))


class MembersQuery(In, Paged):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
    detail = Flag(DETAIL)
    role = fields.String(
        load_default=None,
        allow_none=False,
        validate=validate.OneOf(list(Role)),
        metadata=about("only members with this role", "只返回此角色的成员"),
    )
    alike = Flag(about("1: only members whose name looks like another's", "1：只返回名称与他人相似的成员"))


class AnnouncementsQuery(In, Paged):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
