"""/api/room: making rooms, listing them, who is in them, adding others, deleting."""

from typing import Any

from flask import Blueprint, Response

from chat.errors import ChatError, ErrorCode
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.models import Access, Actor, Role
from chat.protocols.roomapi import answers
from chat.protocols.roomapi.errors import success
from chat.protocols.roomapi.queries import asks
from chat.protocols.roomapi.schemas import AddUser, CreateRoom, KnownRoom

bp = Blueprint("roomapi_room", __name__, url_prefix="/api/room")


@bp.post("/create")
@signed_in
@takes(CreateRoom)
def create(actor: Actor, body: dict[str, Any]) -> Response:
    """Make a room that others get into by being added, and be in it as its owner. Names may repeat."""
    made = services().rooms.create_titled(actor, body["name"], access=Access.INVITE, description=body["description"])
    return success("创建成功", answers.room(made))


@bp.get("/list")
@signed_in
def list_joined(actor: Actor) -> Response:
    """The rooms that one is in."""
    return success("获取成功", [answers.room(room) for room in services().rooms.joined(actor)])


@bp.get("/members")
@signed_in
@asks(KnownRoom)
def members(actor: Actor, asked: dict[str, Any]) -> Response:
    """Who is in the room."""
    found = services().memberships.members(actor, asked["room_id"])
    return success("获取成功", [answers.member(member) for member in found])


@bp.post("/add_user")
@signed_in
@takes(AddUser)
def add_user(actor: Actor, body: dict[str, Any]) -> Response:
    """Make somebody a member of a room that one is in."""
    user_id, user_name = body["user_id"], body["user_name"]
    if user_id is None and user_name is None:
        raise ChatError(ErrorCode.FIELD_MISSING, field="user_id")
    user = user_id or user_name or 0  # clients that give the name may leave the id at 0, which is nobody's
    services().memberships.add(actor, body["room_id"], user, Role(body["role"]))
    return success("添加用户到聊天室成功")


@bp.delete("/delete")
@signed_in
@asks(KnownRoom)
def delete(actor: Actor, asked: dict[str, Any]) -> Response:
    """Delete one's own room for all. Beyond the document."""
    services().rooms.delete(actor, asked["room_id"])
    return success("删除成功")
