"""The OpenAPI documents at /openapi/<protocol>.json, for people at /docs, and the guides at /docs/<protocol>.md."""

from pathlib import Path

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, request, send_from_directory

from chat.http.context import prefers_chinese
from chat.http.openapi import documents
from chat.lanes import Lane, enter_lane
from chat.web.apidocs import Reader
from chat.web.csp import PAGE_CSP

bp = Blueprint("docs", __name__)


@bp.get("/docs")
def page() -> Response:
    """All HTTP protocols, in the language that ?lang= says or the browser asks for."""
    enter_lane(Lane.LONG)
    language = request.args.get("lang", "zh" if prefers_chinese() else "en")
    if language not in {"en", "zh"}:
        abort(404)
    guides = {path.stem for path in _guides().glob("*.md")}
    html = render_template(
        "docs.html",
        language=language,
        say=lambda english, chinese: chinese if language == "zh" else english,
        protocols=[Reader(document, language, request.host_url) for document in documents(current_app).values()],
        guides=guides,
        other_guides=sorted(guides - documents(current_app).keys()),
    )
    response = Response(html)
    response.headers["Content-Security-Policy"] = PAGE_CSP
    response.headers["Cache-Control"] = "no-cache"
    response.vary.add("Accept-Language")
    return response


@bp.get("/openapi/<name>.json")
def document(name: str) -> Response:
    """A protocol's OpenAPI document."""
    enter_lane(Lane.LONG)
    found = documents(current_app).get(name)
    if found is None:
        abort(404)
    return jsonify(found.json)


@bp.get("/docs/<name>.md")
def guide(name: str) -> Response:
    """A protocol's guide for people who write clients, as it is in docs/protocols."""
    return send_from_directory(_guides(), f"{name}.md", mimetype="text/plain; charset=utf-8")


def _guides() -> Path:
    return Path(current_app.root_path) / "docs" / "protocols"
