"""The page at /, its files, attachments, and /healthz."""

from urllib.parse import quote

from flask import Blueprint, Response, abort, current_app, render_template

from chat.errors import ChatError, ErrorCode
from chat.http.auth import require_meant, signed_in
from chat.http.context import prefers_chinese, services
from chat.http.ranges import answer_conditionally
from chat.http.responses import StreamedResponse
from chat.models import Actor
from chat.services.files import MEDIA_TYPE
from chat.web.health import OK
from chat.web.own_page import own_page

bp = Blueprint("web", __name__, template_folder="templates")

# An uploaded file opened directly gets no scripts and no origin.
ATTACHMENT_CSP = "default-src 'none'; sandbox; frame-ancestors 'none'"


@bp.get("/")
@bp.get("/claim/<path:_code>")
@bp.get("/join/<path:_code>")
def page(_code: str = "") -> Response:
    """Serve the page in the browser's language; the page itself can switch, and reads the code in its address."""
    return _page("page.html")


@bp.get("/teach")
def teach() -> Response:
    """Serve the teachers' console, which contains no data itself."""
    return _page("teach.html")


@bp.get("/board/<path:_room>")
def board(_room: str) -> Response:
    """Serve the board for the projector; permission to read is decided where the messages are read."""
    return _page("board.html")


def _page(template: str) -> Response:
    language = "zh" if prefers_chinese() else "en"
    site = services().site
    about = {"limits": current_app.config["PAGE_LIMITS"], "site": site.settings(), "has_teacher": site.has_teacher()}
    return own_page(render_template(template, language=language, **about))


@bp.get("/attachments/<name>")
def attachment(name: str) -> Response:
    """Serve a picture for display, or a file for download, by its unguessable name."""
    attachments = services().attachments
    found = attachments.find(name)
    if found is None:
        return _file(name)
    response = StreamedResponse(attachments.pieces(found), mimetype=found.media_type)
    response.content_length = found.size
    response.headers["Content-Disposition"] = "inline"
    return _private(response, name)


@bp.get("/attachments/<name>/thumbnail")
def thumbnail(name: str) -> Response:
    """Serve a picture in at most 640 x 640 px; a small, animated or huge one as it is."""
    found = services().attachments.thumbnail(name)
    if found is None:
        return attachment(name)
    response = Response(found, mimetype="image/png" if found.startswith(b"\x89PNG") else "image/jpeg")
    response.headers["Content-Disposition"] = "inline"
    return _private(response, f"{name} small")


@bp.get("/avatars/<name>")
def avatar(name: str) -> Response:
    """Serve the picture of a user or room. A new picture has a new address, so it may be cached."""
    avatars = services().avatars
    found = avatars.find(name)
    if found is None:
        abort(404)
    response = StreamedResponse(avatars.pieces(found), mimetype=found.media_type)
    response.content_length = found.size
    response.headers["Content-Disposition"] = "inline"
    return _private(response, name, "private, max-age=31536000, immutable")


def _file(name: str) -> Response:
    """Serve a file."""
    files = services().files
    try:
        found = files.named(name)
    except ChatError as error:
        if error.code is ErrorCode.FILE_NOT_FOUND:
            abort(404)
        raise
    response = StreamedResponse(files.pieces(found), mimetype=MEDIA_TYPE)
    response.content_length = found.size
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found.filename, safe='')}"
    return _private(response, name)


def _private(response: Response, name: str, keep: str = "private, no-cache") -> Response:
    """By default, have caches revalidate on each use: deleted content must not be shown from a cache."""
    response.headers["Content-Security-Policy"] = ATTACHMENT_CSP
    response.headers["Cache-Control"] = keep
    response.set_etag(name)
    return answer_conditionally(response)


@bp.get("/own-data.zip")
@signed_in
def own_data(actor: Actor) -> Response:
    """Send the data of the user as a ZIP of JSON files."""
    require_meant(actor)
    pieces = services().own_data.pieces(actor)
    response = StreamedResponse(pieces, mimetype="application/zip")
    response.content_length = pieces.size
    response.headers["Content-Disposition"] = "attachment; filename=own-data.zip"
    return response


@bp.get("/healthz")
def healthz() -> Response:
    """Return 200 if the server is healthy. Raises UNAVAILABLE (503) if the database cannot be read."""
    services().health.look()
    return Response(OK, mimetype="application/json")


def metrics() -> Response:
    """Show the metrics of this process to Prometheus, where CHAT_METRICS is on."""
    from prometheus_client import CONTENT_TYPE_LATEST  # here, as most installations do not show metrics

    from chat.web import exposition

    return Response(exposition.text(), content_type=CONTENT_TYPE_LATEST)
