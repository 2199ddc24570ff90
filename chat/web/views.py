"""The page at /, its files, attachments, and /healthz."""

from urllib.parse import quote

from flask import Blueprint, Response, abort, current_app, render_template, request

from chat.errors import ChatError, ErrorCode
from chat.http.context import prefers_chinese, services
from chat.http.ranges import answer_conditionally
from chat.live.parking import ENVIRON_KEY, Hold
from chat.services.files import MEDIA_TYPE
from chat.web.csp import PAGE_CSP
from chat.web.health import OK

bp = Blueprint("web", __name__, template_folder="templates")

# Even opened on its own, an uploaded file can do nothing: no scripts, no origin of its own.
ATTACHMENT_CSP = "default-src 'none'; sandbox; frame-ancestors 'none'"


@bp.get("/")
def page() -> Response:
    """The chat, in the language the browser asks for; the page itself can switch."""
    language = "zh" if prefers_chinese() else "en"
    response = Response(render_template("page.html", language=language, limits=current_app.config["PAGE_LIMITS"]))
    response.headers["Content-Security-Policy"] = PAGE_CSP
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept-Language")
    return response


@bp.get("/attachments/<name>")
def attachment(name: str) -> Response:
    """A picture to be shown, or a file to be saved, by its unguessable name."""
    attachments = services().attachments
    found = attachments.find(name)
    if found is None:
        return _file(name)
    response = Response(attachments.pieces(found), mimetype=found.media_type)
    response.content_length = found.size
    response.headers["Content-Disposition"] = "inline"
    return _streamed(_private(response, name))


@bp.get("/avatars/<name>")
def avatar(name: str) -> Response:
    """The small picture of a user or room. Another picture has another address, so it may be kept."""
    avatars = services().avatars
    found = avatars.find(name)
    if found is None:
        abort(404)
    response = Response(avatars.pieces(found), mimetype=found.media_type)
    response.content_length = found.size
    response.headers["Content-Disposition"] = "inline"
    return _streamed(_private(response, name, "private, max-age=31536000, immutable"))


def _file(name: str) -> Response:
    """A file, piece by piece."""
    files = services().files
    try:
        found = files.named(name)
    except ChatError as error:
        if error.code is ErrorCode.FILE_NOT_FOUND:
            abort(404)
        raise
    response = Response(files.pieces(found), mimetype=MEDIA_TYPE)
    response.content_length = found.size
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.filename, safe='')}"
    return _streamed(_private(response, name))


def _streamed(response: Response) -> Response:
    """Sent piece by piece as the client reads, so that one who reads slowly keeps little."""
    hold: Hold | None = request.environ.get(ENVIRON_KEY)
    if hold is not None and response.status_code in (200, 206) and request.method == "GET":
        hold.streams = True
    return response


def _private(response: Response, name: str, keep: str = "private, no-cache") -> Response:
    """Asked for again each time, cheaply, if nothing else is said: whatever is deleted must not show from a cache."""
    response.headers["Content-Security-Policy"] = ATTACHMENT_CSP
    response.headers["Cache-Control"] = keep
    response.set_etag(name)
    return answer_conditionally(response)


@bp.get("/healthz")
def healthz() -> Response:
    """200 once the server can serve. Raises UNAVAILABLE (503) where the database cannot be read."""
    services().health.look()
    return Response(OK, mimetype="application/json")
