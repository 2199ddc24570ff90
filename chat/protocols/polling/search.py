"""/chat/search: finding messages by their text."""

from typing import Any

from flask import Blueprint, Response

from chat.errors import ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.context import services
from chat.http.query_params import asks
from chat.models import Actor
from chat.protocols.polling.errors import success
from chat.protocols.polling.render import Form, shown_message
from chat.protocols.polling.requests.search import SearchQuery
from chat.protocols.polling.responses.search import Hits

bp = Blueprint("polling_search", __name__, url_prefix="/chat")


@bp.get("/search")
@signed_in
@asks(SearchQuery)
@answers(Hits, ErrorCode.ROOM_NOT_FOUND, ErrorCode.USER_NOT_FOUND, zh="在自己加入的聊天室中查找消息。")
def search(actor: Actor, query: dict[str, Any]) -> Response:
    """Find messages in the rooms that the caller is in, newest first. Beyond the document."""
    found = services().search.find(
        actor, query["q"], query["roomname"], query["user"], query["before"] or 0, query["limit"]
    )
    hits = [
        shown_message(hit.message, Form.DETAIL) | {"roomname": hit.room, "matches": [*map(list, hit.places)]}
        for hit in found.hits
    ]
    return success(f"{len(hits)} messages.", f"共 {len(hits)} 条消息。", messages=hits, next=found.next)
