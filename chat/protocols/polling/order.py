"""/room: keeping order, for the room's owner, admins and teachers. Beyond the document."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response

from chat.errors import ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.http.query_params import asks
from chat.models import Actor
from chat.protocols.polling.errors import success
from chat.protocols.polling.order_schemas import OneRoom, RoomSettingsChanged, RoomSettingsFound, WantedRoomSettings

bp = Blueprint("polling_order", __name__, url_prefix="/room")


@bp.get("/settings")
@signed_in
@asks(OneRoom)
@answers(RoomSettingsFound, ErrorCode.ROOM_NOT_FOUND, zh="聊天室的设置。")
def settings(actor: Actor, query: dict[str, Any]) -> Response:
    """The settings of a room, for its members."""
    found = services().room_settings.get(actor, query["roomname"])
    return success("The settings.", "聊天室设置。", settings=asdict(found))


@bp.post("/settings")
@signed_in
@takes(WantedRoomSettings)
@answers(
    RoomSettingsChanged,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.SETTINGS_CHANGED,
    zh="修改聊天室的设置（创建者、管理员和老师可用）。",
)
def change_settings(actor: Actor, body: dict[str, Any]) -> Response:
    """Change a room's settings: those that are given, all or none. For its owner, admins and teachers."""
    room, version = body.pop("roomname"), body.pop("version")
    changed = services().room_settings.change(actor, room, body, version=version)
    return success("The settings.", "聊天室设置。", settings=asdict(changed.after), before=asdict(changed.before))
