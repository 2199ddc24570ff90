"""/site/now: activity on the site, for teachers. Beyond the document."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response
from marshmallow import fields

from chat.clock import to_iso
from chat.errors import ErrorCode
from chat.http.api_spec import about, answers
from chat.http.auth import signed_in
from chat.http.context import services
from chat.http.fields import In, Out
from chat.http.paging_params import Paged, next_field, next_of, page_of
from chat.http.query_params import asks
from chat.models import Actor
from chat.protocols.polling.errors import success
from chat.protocols.polling.schemas import TIME, Done

bp = Blueprint("polling_overview", __name__, url_prefix="/site")


class OnlineQuery(In, Paged):
    """Filters of the list of online users."""


class SessionShown(Out):
    protocol = fields.String(required=True)
    program = fields.String(required=True, metadata=about('its User-Agent, or ""', '其 User-Agent，或 ""'))
    since = fields.String(required=True, metadata=about("when it logged in, UTC", "登录时间（UTC）", examples=[TIME]))


class OnlineShown(Out):
    username = fields.String(required=True)
    nickname = fields.String(required=True)
    id = fields.Integer(required=True)
    teacher = fields.Boolean(required=True)
    sessions = fields.List(fields.Nested(SessionShown), required=True)


class ActiveRoomShown(Out):
    roomname = fields.String(required=True)
    id = fields.Integer(required=True)
    messages = fields.Integer(required=True, metadata=about("of the last minute", "最近一分钟的消息数"))
    online = fields.Integer(required=True, metadata=about("members online", "在线成员数"))
    membercount = fields.Integer(required=True)


class Now(Done):
    online = fields.Integer(required=True, metadata=about("people online", "在线人数"))
    accounts = fields.Integer(required=True, metadata=about("of the site", "账号总数"))
    messages = fields.Integer(required=True, metadata=about("of the last minute", "最近一分钟的消息数"))
    rooms = fields.List(
        fields.Nested(ActiveRoomShown),
        required=True,
        metadata=about("with messages in the last minute, at most 20", "最近一分钟有消息的聊天室，最多 20 个"),
    )
    people = fields.List(fields.Nested(OnlineShown), required=True)
    next = next_field()


@bp.get("/now")
@signed_in
@asks(OnlineQuery)
@answers(Now, ErrorCode.NOT_TEACHER, zh="在线的人、每分钟消息数和活跃的聊天室（仅限老师）。")
def now(actor: Actor, query: dict[str, Any]) -> Response:
    """The online users with their programs, the messages of the last minute, and active rooms. For teachers."""
    overview, page = services().overview, page_of(query)
    activity = overview.activity(actor)
    found = overview.online(actor, page)
    shown = [
        {
            "username": person.username,
            "nickname": person.nickname,
            "id": person.user_id,
            "teacher": person.is_teacher,
            "sessions": [asdict(each) | {"since": to_iso(each.since)} for each in person.sessions],
        }
        for person in found
    ]
    more = next_of(page, found, shown)
    rooms = [
        {
            "roomname": room.name,
            "id": room.id,
            "messages": room.messages,
            "online": room.online,
            "membercount": room.members,
        }
        for room in activity.rooms
    ]
    about_now = {"online": activity.online, "accounts": activity.accounts, "messages": activity.messages}
    return success(
        f"{activity.online} online.", f"{activity.online} 人在线。", **about_now, rooms=rooms, people=shown, **more
    )
