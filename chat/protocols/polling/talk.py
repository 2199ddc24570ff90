"""/chat: additions of the page."""

from typing import Any

from flask import Blueprint, Response

from chat.clock import to_iso
from chat.equations import NotAnEquation, hash_of, mathml
from chat.errors import SENDING, SENDING_PICTURE, ChatError, ErrorCode
from chat.http import uploads
from chat.http.api_spec import answers, declared
from chat.http.auth import signed_in
from chat.http.bodies import BODY_FAILURES
from chat.http.context import services
from chat.http.query_params import asks
from chat.lanes import Lane, enter_lane
from chat.models import Actor, StoredMessage
from chat.protocols.polling.errors import success
from chat.protocols.polling.render import TYPES
from chat.protocols.polling.requests.talk import EquationQuery, UploadForm
from chat.protocols.polling.responses.talk import Equation, Uploaded

bp = Blueprint("polling_talk", __name__, url_prefix="/chat")


@bp.get("/equation")
@signed_in
@asks(EquationQuery)
@answers(Equation, ErrorCode.EQUATION_INVALID, zh="将 LaTeX 公式转换为 MathML。")
def equation(actor: Actor, query: dict[str, Any]) -> Response:
    """Convert an equation to MathML. Beyond the document."""
    del actor
    enter_lane(Lane.LONG)
    if hash_of(query["tex"]) != query["hash"]:
        raise ChatError(ErrorCode.FIELD_INVALID, field="hash")
    try:
        tree = mathml(query["tex"])
    except NotAnEquation:
        raise ChatError(ErrorCode.EQUATION_INVALID) from None
    response = success("Converted.", "已转换。", mathml=tree)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"  # the address contains the equation
    return response


@bp.post("/upload")
@signed_in
@answers(
    Uploaded,
    *BODY_FAILURES,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.NOT_FRIENDS,
    *SENDING,
    *SENDING_PICTURE,
    ErrorCode.MESSAGE_ID_INVALID,
    ErrorCode.FILE_EMPTY,
    ErrorCode.FILE_TOO_LARGE,
    ErrorCode.FILE_NOT_FOUND,
    ErrorCode.RATE_LIMITED,
    form=UploadForm,
    zh="上传文件或图片并发送到聊天室。",
)
def upload(actor: Actor) -> Response:
    """Upload a file or picture, and send it to a room. Beyond the document."""
    return uploads.upload(services().files, actor, _sent)


def _sent(message: StoredMessage) -> Response:
    return success("Sent.", "已发送。", id=message.id, timestamp=to_iso(message.time), type=TYPES[message.type])


declared(upload).takes_parts = True
