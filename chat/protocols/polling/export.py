"""/room/export: a room as a ZIP. Beyond the document."""

from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, current_app

from chat.errors import ErrorCode
from chat.http.api_spec import Zip, answers
from chat.http.auth import require_meant, signed_in
from chat.http.context import prefers_chinese, services
from chat.http.query_params import asks
from chat.http.responses import StreamedResponse
from chat.models import Actor
from chat.protocols.polling.requests.order import Exported
from chat.services.export_html import CHINESE, Words

bp = Blueprint("polling_export", __name__, url_prefix="/room")


@bp.get("/export")
@signed_in
@asks(Exported)
@answers(Zip, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN, zh="将聊天室导出为 ZIP（创建者和老师可用）。")
def export(actor: Actor, query: dict[str, Any]) -> Response:
    """Send a room's messages, members, audit log and attachments as a ZIP. For its owner and teachers."""
    require_meant(actor)
    room = services().export.room(actor, query["roomname"])
    words = CHINESE if prefers_chinese() else Words()
    response = StreamedResponse(
        services().export.pieces(room, current_app.config["TIMEZONE"], words), mimetype="application/zip"
    )
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(room.file_name, safe='')}"
    response.headers["Cache-Control"] = "private, no-store"
    return response
