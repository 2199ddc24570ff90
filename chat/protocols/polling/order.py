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
from chat.http.paging_params import next_of, page_of
from chat.http.query_params import asks
from chat.lanes import Lane, enter_lane
from chat.models import Actor
from chat.protocols.polling.errors import success
from chat.protocols.polling.requests.order import (
    AuditQuery,
    Barring,
    Muting,
    OneRoom,
    Recent,
    SeenQuery,
    SomeMember,
    WantedRoomSettings,
)
from chat.protocols.polling.responses.done import Done
from chat.protocols.polling.responses.order import (
    AuditFound,
    BarredFound,
    RecentDeleted,
    RoomSettingsChanged,
    RoomSettingsFound,
    SeenFound,
)
from chat.services.audit import AuditEntry
from chat.services.paging import PAGE_DEFAULT, Listed, Page

ON_MEMBERS = (ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.USER_NOT_FOUND, ErrorCode.RATE_LIMITED)
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


@bp.get("/seen")
@signed_in
@asks(SeenQuery)
@answers(
    SeenFound,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.SEEN_BY_OFF,
    ErrorCode.MESSAGE_NOT_FOUND,
    zh="谁已读到这条消息，不含发送者。",
)
def seen(actor: Actor, query: dict[str, Any]) -> Response:
    """The members who have read up to a message, longest-standing first; never its sender. For the room's members."""
    page = page_of(query)
    found = services().seen_by.readers(actor, query["roomname"], query["id"], page)
    shown = [{"user": reader.username, "nickname": reader.nickname} for reader in found.page]
    more = next_of(page, found.page, shown)
    return success(f"{found.total} have read it.", f"已读 {found.total} 人。", count=found.total, readers=shown, **more)


@bp.get("/audit")
@signed_in
@asks(AuditQuery)
@answers(AuditFound, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, zh="聊天室的操作记录（创建者、管理员和老师可用）。")
def audit(actor: Actor, query: dict[str, Any]) -> Response:
    """The audit log of a room, newest first, for its owner, admins and teachers."""
    page = audit_page(query)
    return audit_answer(page, services().audit.of_room(actor, query["roomname"], page))


@bp.post("/mute")
@signed_in
@takes(Muting)
@answers(Done, *ON_MEMBERS, ErrorCode.NOT_MEMBER, zh="禁言一名成员，或解除禁言（创建者、管理员和老师可用）。")
def mute(actor: Actor, body: dict[str, Any]) -> Response:
    """Let a member write nothing for some minutes, or write again. For the room's owner, admins and teachers."""
    services().moderation.mute(actor, body["roomname"], body["user"], body["minutes"])
    if body["minutes"]:
        return success("Muted.", "已禁言。")
    return success("Not muted any more.", "已解除禁言。")


@bp.post("/remove")
@signed_in
@takes(SomeMember)
@answers(
    Done,
    *ON_MEMBERS,
    ErrorCode.NOT_MEMBER,
    ErrorCode.ADMIN_PROTECTED,
    zh="移出一名成员（创建者、管理员和老师可用）。",
)
def remove(actor: Actor, body: dict[str, Any]) -> Response:
    """Remove a member, without a bar. For the room's owner, admins and teachers."""
    services().groups.remove(actor, body["roomname"], body["user"])
    return success("Removed.", "已移出。")


@bp.post("/bar")
@signed_in
@takes(Barring)
@answers(Done, *ON_MEMBERS, ErrorCode.ADMIN_PROTECTED, zh="移出并禁止再加入，或解除（创建者、管理员和老师可用）。")
def bar(actor: Actor, body: dict[str, Any]) -> Response:
    """Bar a user from the room, removing them, or lift the bar. For the room's owner, admins and teachers."""
    services().moderation.bar(actor, body["roomname"], body["user"], is_barred=body["barred"])
    if body["barred"]:
        return success("Removed; cannot come back.", "已移出，不能再加入。")
    return success("May come back.", "可以再加入。")


@bp.get("/barred")
@signed_in
@asks(OneRoom)
@answers(BarredFound, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, zh="被禁止加入的用户（限创建者、管理员和老师）。")
def barred(actor: Actor, query: dict[str, Any]) -> Response:
    """The users that cannot come back, at most 500. For the room's owner, admins and teachers."""
    found = services().moderation.barred(actor, query["roomname"])
    return success(f"{len(found)} users.", f"共 {len(found)} 人。", barred=found)


@bp.post("/delete_recent")
@signed_in
@takes(Recent)
@answers(RecentDeleted, *ON_MEMBERS, zh="删除某人最近几分钟的消息（创建者、管理员和老师可用）。")
def delete_recent(actor: Actor, body: dict[str, Any]) -> Response:
    """Delete the messages of a user's last minutes, at most 1,000. For the room's owner, admins and teachers."""
    enter_lane(Lane.LONG)
    deleted, more = services().moderation.delete_recent(actor, body["roomname"], body["user"], body["minutes"])
    return success(f"{deleted} deleted.", f"已删除 {deleted} 条。", deleted=deleted, more=more)


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
