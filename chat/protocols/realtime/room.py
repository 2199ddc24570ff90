"""/Room: listing, creating and deleting open rooms, and tokens for entering one by WebSocket."""

from typing import Any

from flask import Blueprint, Response, jsonify

from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.http.fields import is_number
from chat.http.paging_params import next_of, page_of
from chat.http.query_params import asks
from chat.models import Access, Actor
from chat.protocols.realtime.requests import ROOM_ID, ListRooms, NewRoom
from chat.protocols.realtime.responses import RoomShown, RoomToken
from chat.services.room_views import RoomView

NEXT = "X-Next"  # response header with the `after` of the next page
bp = Blueprint("realtime_room", __name__, url_prefix="/Room")
_PATH = {"room_id": ROOM_ID}


@bp.get("")
@signed_in
@asks(ListRooms)
@answers(RoomShown(many=True), zh="获取所有有权限的聊天室。")
def find(actor: Actor, query: dict[str, Any]) -> Response:
    """List the rooms that the caller can enter freely."""
    page = page_of(query)
    found = services().rooms.enterable(actor, page)
    shown = [_shown(room) for room in found]
    after = next_of(page, found, shown).get("next")
    response = jsonify(shown)
    if after:
        response.headers[NEXT] = after  # in a header, because the document's answer is a bare list
    return response


@bp.post("")
@signed_in
@takes(NewRoom)
@answers(
    RoomShown,
    ErrorCode.ROOM_NAME_INVALID,
    ErrorCode.ROOMS_BY_TEACHERS,
    ErrorCode.ROOMS_OWNED,
    ErrorCode.RATE_LIMITED,
    status=201,
    zh="创建聊天室，并成为其所有者。",
)
def create(actor: Actor, body: dict[str, Any]) -> tuple[Response, int]:
    """Create an open room and join it as its owner."""
    return jsonify(_shown(services().rooms.create_titled(actor, body["name"], access=Access.OPEN))), 201


@bp.delete("/<room_id>")
@signed_in
@answers(None, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, status=204, path=_PATH, zh="为所有人删除自己的聊天室。")
def delete(actor: Actor, room_id: str) -> Response:
    """Delete a room that the caller owns, for all members."""
    services().rooms.delete(actor, _id(room_id))
    response = Response(status=204)
    del response.headers["Content-Type"]  # there is no content
    return response


@bp.get("/<room_id>")
@signed_in
@answers(
    RoomToken,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.BARRED,
    ErrorCode.RATE_LIMITED,
    path=_PATH,
    zh="获取进入聊天室（WebSocket）的 token。",
)
def enter(actor: Actor, room_id: str) -> Response:
    """Issue a token for entering the room by WebSocket."""
    return jsonify(token=services().tickets.issue(actor, _id(room_id)))


def _shown(room: RoomView) -> dict[str, Any]:
    return {"id": room.id, "name": room.title or room.name}  # direct conversations have no title


def _id(text: str) -> int:
    if not is_number(text):
        raise ChatError(ErrorCode.ROOM_NOT_FOUND, room=text)
    return int(text)
