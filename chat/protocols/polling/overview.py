"""/site/now: activity on the site, for teachers. Beyond the document."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response

from chat.clock import to_iso
from chat.errors import ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.context import services
from chat.http.paging_params import next_of, page_of
from chat.http.query_params import asks
from chat.models import Actor
from chat.protocols.polling.errors import success
from chat.protocols.polling.requests.overview import OnlineQuery
from chat.protocols.polling.responses.overview import Now

bp = Blueprint("polling_overview", __name__, url_prefix="/site")


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
    more = next_of(page, found, shown, beside=rooms)
    about_now = {"online": activity.online, "accounts": activity.accounts, "messages": activity.messages}
    return success(
        f"{activity.online} online.", f"{activity.online} 人在线。", **about_now, rooms=rooms, people=shown, **more
    )
