"""/site/roster: importing rosters, for teachers. Beyond the document."""

import base64
from typing import Any

from flask import Blueprint, Response

from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import also_words, answers
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import prefers_chinese, services
from chat.http.query_params import asks
from chat.http.roster_messages import worded
from chat.lanes import Lane
from chat.models import Actor
from chat.names import name_key
from chat.protocols.polling.errors import TABLE, success
from chat.protocols.polling.requests.roster import Import, ImportQuery, RosterFile
from chat.protocols.polling.responses.roster import Checked, ImportBegun, ImportShown
from chat.services.roster_imports import ImportState

bp = Blueprint("polling_roster", __name__, url_prefix="/site/roster")


@bp.post("/check")
@signed_in
@takes(RosterFile, long=Lane.LONG)
@answers(Checked, ErrorCode.NOT_TEACHER, zh="检查名单，不导入（仅限老师）。")
def check(actor: Actor, body: dict[str, Any]) -> Response:
    """Check a roster without importing it: its people, and its mistakes by line. For teachers."""
    preview = services().roster_imports.check(actor, _bytes(body["content"]))
    chinese = prefers_chinese()
    people = [
        {
            "line": line.line,
            "username": line.username,
            "name": line.name,
            "rooms": list(line.rooms),
            "has_password": bool(line.password),
            "known": name_key(line.username) in preview.known,
        }
        for line in preview.roster.lines
    ]
    errors = [{"line": each.line, "text": worded(each, chinese=chinese)} for each in preview.roster.complaints]
    found = (f"{len(people)} people, {len(errors)} mistakes.", f"{len(people)} 人，{len(errors)} 处错误。")
    return success(*found, people=people, errors=errors)


@bp.post("/import")
@signed_in
@takes(Import, long=Lane.LONG)
@answers(
    ImportBegun,
    ErrorCode.NOT_TEACHER,
    ErrorCode.ROSTER_INVALID,
    ErrorCode.ROSTER_CHANGED,
    ErrorCode.IMPORT_RUNNING,
    zh="导入名单：全部导入或都不导入；密码散列在后台进行（仅限老师）。",
)
def begin(actor: Actor, body: dict[str, Any]) -> Response:
    """Import a roster, completely or not at all; hashing runs in the background. For teachers."""
    content = _bytes(body["content"])
    options = {"resets_passwords": body["passwords"], "known": body["known"]}
    import_id, cards = services().roster_imports.begin(actor, content, **options)
    shown = [{"username": card.username, "name": card.name, "password": card.password} for card in cards]
    return success("The import has begun.", "导入已开始。", id=import_id, total=len(shown), cards=shown)


@bp.get("/status")
@signed_in
@asks(ImportQuery)
@answers(ImportShown, ErrorCode.NOT_TEACHER, ErrorCode.IMPORT_UNKNOWN, zh="导入的进度（仅限老师）。")
@also_words(ErrorCode.ROSTER_CHANGED)
def status(actor: Actor, query: dict[str, Any]) -> Response:
    """Return the progress of an import. For teachers."""
    found = services().roster_imports.status(actor, query["id"])
    shown = {"state": found.state, "done": found.done, "total": found.total}
    if found.state is ImportState.FAILED:
        _, english, chinese = TABLE.get(ErrorCode[found.reason], TABLE[ErrorCode.INTERNAL])
        return success(english.partition(":")[0], chinese.partition("：")[0], **shown)
    return success(f"{found.done} of {found.total}.", f"{found.done} / {found.total}。", **shown)


def _bytes(content: str) -> bytes:
    """Raises FIELD_INVALID if it is not Base64."""
    try:
        return base64.b64decode(content, validate=True)
    except ValueError:  # characters that do not belong there, or too few
        raise ChatError(ErrorCode.FIELD_INVALID, field="content") from None
