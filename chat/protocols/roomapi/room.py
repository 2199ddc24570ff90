"""/api/room: creating, listing and deleting rooms, listing and adding members."""

from typing import Any

from flask import Blueprint, Response

from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.http.paging_params import next_of, page_of
from chat.http.query_params import Body, asks
from chat.models import Access, Actor, Role
from chat.protocols.roomapi import render as shown
from chat.protocols.roomapi.errors import success
from chat.protocols.roomapi.requests import AddUser, CreateRoom, KnownRoom, ListMembers, ListRooms
from chat.protocols.roomapi.responses import Done, MembersFound, RoomMade, RoomsFound

bp = Blueprint("roomapi_room", __name__, url_prefix="/api/room")


@bp.post("/create")
@signed_in
@takes(CreateRoom)
@answers(
    RoomMade,
    ErrorCode.ROOM_NAME_INVALID,
    ErrorCode.ROOMS_BY_TEACHERS,
    ErrorCode.PRIVATE_ROOMS_OFF,
    ErrorCode.ROOMS_OWNED,
    ErrorCode.RATE_LIMITED,
    zh="创建聊天室，并成为其创建者。",
)
def create(actor: Actor, body: dict[str, Any]) -> Response:
    """Create a room, whose members are added by others, and join it as its owner. Names need not be unique."""
    made = services().rooms.create_titled(actor, body["name"], access=Access.INVITE, description=body["description"])
    return success("创建成功", shown.room(made))


@bp.get("/list")
@signed_in
@asks(ListRooms, body=Body.COUNTS)
@answers(RoomsFound, zh="获取自己所在的聊天室。")
def list_joined(actor: Actor, asked: dict[str, Any]) -> Response:
    """List the rooms that the caller is in."""
    page = page_of(asked)
    found = services().rooms.joined(actor, page)
    rooms = [shown.room(room) for room in found]
    more = next_of(page, found, rooms)
    return success("获取成功", rooms, **more)


@bp.get("/members")
@signed_in
@asks(ListMembers, body=Body.COUNTS)
@answers(MembersFound, ErrorCode.ROOM_NOT_FOUND, zh="查看聊天室中的用户。")
def members(actor: Actor, asked: dict[str, Any]) -> Response:
    """List the members of a room."""
    page = page_of(asked)
    found = services().memberships.members(actor, asked["room_id"], page)
    members = [shown.member(member) for member in found]
    more = next_of(page, found, members)
    return success("获取成功", members, **more)


@bp.post("/add_user")
@signed_in
@takes(AddUser)
@answers(
    Done,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.ALREADY_MEMBER,
    ErrorCode.FORBIDDEN,
    ErrorCode.CANNOT_BE_ADDED,
    ErrorCode.BARRED,
    ErrorCode.RATE_LIMITED,
    zh="添加其他人到自己所在的聊天室。",
)
def add_user(actor: Actor, body: dict[str, Any]) -> Response:
    """Add a user to a room that the caller is in."""
    user_id, user_name = body["user_id"], body["user_name"]
    if user_id is None and user_name is None:
        raise ChatError(ErrorCode.FIELD_MISSING, field="user_id")
    user = user_id or user_name or 0  # clients that send the name may leave the id at 0, which no user has
    services().memberships.add(actor, body["room_id"], user, Role(body["role"]))
    return success("添加用户到聊天室成功")


@bp.delete("/delete")
@signed_in
@asks(KnownRoom, body=Body.COUNTS)
@answers(Done, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, zh="为所有人删除自己创建的聊天室。")
def delete(actor: Actor, asked: dict[str, Any]) -> Response:
    """Delete a room that the caller owns, for all members. Beyond the document."""
    services().rooms.delete(actor, asked["room_id"])
    return success("删除成功")
