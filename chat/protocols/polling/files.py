"""/chat/upload: uploads of files and pictures. Beyond the document."""

from flask import Blueprint, Response

from chat.clock import to_iso
from chat.errors import SENDING, SENDING_PICTURE, ErrorCode
from chat.http import uploads
from chat.http.api_spec import answers, declared
from chat.http.auth import signed_in
from chat.http.bodies import BODY_FAILURES
from chat.http.context import services
from chat.models import Actor, StoredMessage
from chat.protocols.polling.errors import success
from chat.protocols.polling.render import TYPES
from chat.protocols.polling.requests.files import UploadForm
from chat.protocols.polling.responses.files import Uploaded

bp = Blueprint("polling_files", __name__, url_prefix="/chat")


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
