"""/Room: the rooms one may enter, making and deleting them, and the token to enter one by WebSocket."""

from typing import Any

from flask import Blueprint, Response, jsonify

from chat.errors import ChatError, ErrorCode
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.models import Access, Actor
from chat.protocols.realtime.schemas import NewRoom
from chat.services.rooms import RoomView

bp = Blueprint("realtime_room", __name__, url_prefix="/Room")
_MAX_DIGITS = 19  # of an id; more are none, and Python does not turn thousands of them into a number


@bp.get("")
@signed_in
def find(actor: Actor) -> Response:
    """The rooms that one may enter without being asked for anything."""
    return jsonify([_room(room) for room in services().rooms.enterable(actor)])


@bp.post("")
@signed_in
@takes(NewRoom)
def create(actor: Actor, body: dict[str, Any]) -> tuple[Response, int]:
    """Make an open room, and be in it as its owner."""
    return jsonify(_room(services().rooms.create_titled(actor, body["name"], access=Access.OPEN))), 201


@bp.delete("/<room_id>")
@signed_in
def delete(actor: Actor, room_id: str) -> Response:
    """Delete one's own room for all."""
    services().rooms.delete(actor, _id(room_id))
    response = Response(status=204)
    del response.headers["Content-Type"]  # of nothing
    return response


@bp.get("/<room_id>")
@signed_in
def enter(actor: Actor, room_id: str) -> Response:
    """A token to enter the room with; see socket.py."""
    return jsonify(token=services().tickets.issue(actor, _id(room_id)))


def _room(room: RoomView) -> dict[str, Any]:
    return {"id": room.id, "name": room.title or room.name}  # a direct conversation has no title


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=text)
    return int(text)
