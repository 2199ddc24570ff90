"""/room: keeping order, for the room's owner, admins and teachers. Beyond the document."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response

from chat.clock import to_iso
from chat.errors import ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.http.paging_params import next_of
from chat.http.query_params import asks
from chat.models import Actor
from chat.protocols.polling.errors import success
from chat.protocols.polling.order_schemas import (
    AuditFound,
    AuditQuery,
    OneRoom,
    RoomSettingsChanged,
    RoomSettingsFound,
    WantedRoomSettings,
)
from chat.services.audit import AuditEntry
from chat.services.paging import PAGE_DEFAULT, Listed, Page

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


@bp.get("/audit")
@signed_in
@asks(AuditQuery)
@answers(AuditFound, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, zh="聊天室的操作记录（创建者、管理员和老师可用）。")
def audit(actor: Actor, query: dict[str, Any]) -> Response:
    """The audit log of a room, newest first, for its owner, admins and teachers."""
    page = audit_page(query)
    return audit_answer(page, services().audit.of_room(actor, query["roomname"], page))


def audit_page(query: dict[str, Any]) -> Page:
    """The requested page; never the whole log."""
    return Page(query["limit"] or PAGE_DEFAULT, query["after"], query["q"])


def audit_answer(page: Page, found: Listed[AuditEntry]) -> Response:
    """Build {"entries": […], "next"}."""
    shown = [
        {
            "id": entry.id,
            "time": to_iso(entry.time),
            "user": entry.actor,
            "action": entry.action,
            "room": entry.room,
            "subject": entry.subject,
            "message_id": entry.message_id,
            "before": entry.before,
            "after": entry.after,
        }
        for entry in found
    ]
    more = next_of(page, found, shown)
    return success(f"{len(shown)} entries.", f"共 {len(shown)} 条。", entries=shown, **more)
