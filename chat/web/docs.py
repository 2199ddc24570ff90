"""OpenAPI documents at /openapi/<protocol>.json, rendered at /docs; the guides at /docs/<name>, and as Markdown.

A guide is about a protocol (docs/protocols/<name>.md) or about teaching (docs/teaching.md). The Chinese text is in
`<name>.zh-CN.md` beside it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from flask import Blueprint, Response, abort, current_app, render_template, request, send_from_directory, url_for
from markupsafe import escape

from chat.http.context import prefers_chinese
from chat.http.openapi import documents
from chat.http.ranges import answer_conditionally
from chat.lanes import Lane, enter_lane
from chat.web.apidocs import Reader, marked
from chat.web.guides import render
from chat.web.own_page import own_page

bp = Blueprint("docs", __name__)
_ANY_HOST = "http://any-host.invalid/"
_SUFFIXES = {"en": ".md", "zh": ".zh-CN.md"}
_TEACHING = "teaching"


@bp.get("/docs")
def page() -> Response:
    """Show all HTTP protocols, in the language of ?lang= or of the browser."""
    enter_lane(Lane.LONG)
    return own_page(_pages().html(_language()).replace(_ANY_HOST, str(escape(request.host_url))))


@bp.get("/openapi/<name>.json")
def document(name: str) -> Response:
    """Return a protocol's OpenAPI document."""
    enter_lane(Lane.LONG)
    found = documents(current_app).get(name)
    if found is None:
        abort(404)
    return Response(_pages().document(name), mimetype="application/json")


@bp.get("/docs/<name>")
def guide_page(name: str) -> Response:
    """Show a guide, in the language of ?lang= or of the browser."""
    enter_lane(Lane.LONG)
    if name not in _guides():
        abort(404)
    return own_page(_pages().guide(name, _language()))


def _language() -> str:
    """The language of ?lang=, if the guides have it; else the browser's."""
    language = request.args.get("lang", "").lower().partition("-")[0]
    return language if language in _SUFFIXES else "zh" if prefers_chinese() else "en"


@bp.get("/docs/<file>.md")
def guide(file: str) -> Response:
    """Return a guide as Markdown."""
    name, _, language = file.partition(".")
    if name not in _guides() or language not in {"", "zh-CN"}:
        abort(404)
    return _send(_guides()[name] / f"{file}.md", "text/plain; charset=utf-8")


@bp.get("/docs/teaching/<name>.png")
def picture(name: str) -> Response:
    """Return a picture of the guide for teachers."""
    return _send(_docs() / _TEACHING / f"{name}.png", "image/png")


def _send(path: Path, media_type: str) -> Response:
    return answer_conditionally(send_from_directory(path.parent, path.name, mimetype=media_type, conditional=False))


class _Pages:
    """Cached pages per language; each request inserts its host."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}

    def html(self, language: str) -> str:
        """Return the page, with _ANY_HOST as a placeholder."""
        if language not in self._made:
            guides = _guides().keys() - {_TEACHING}
            self._made[language] = render_template(
                "docs.html",
                language=language,
                say=_sayer(language),
                marked=marked,
                protocols=[Reader(document, language, _ANY_HOST) for document in documents(current_app).values()],
                guides=guides,
                other_guides=sorted(guides - documents(current_app).keys()),
            )
        return self._made[language]

    def guide(self, name: str, language: str) -> str:
        """Return a guide as a page."""
        key = f"{name} {language}"
        if key not in self._made:
            text = (_guides()[name] / f"{name}{_SUFFIXES[language]}").read_text(encoding="utf-8")
            self._made[key] = render_template(
                "guide.html",
                name=name,
                markdown=f"{name}{_SUFFIXES[language]}".removesuffix(".md"),
                is_protocol=name != _TEACHING,
                guide=render(text, _page_of),
                language=language,
                say=_sayer(language),
            )
        return self._made[key]

    def document(self, name: str) -> str:
        """Return a protocol's document as JSON."""
        key = f"{name}.json"
        if key not in self._made:
            self._made[key] = current_app.json.dumps(documents(current_app)[name].json)
        return self._made[key]


def _pages() -> _Pages:
    return cast(_Pages, current_app.extensions.setdefault("commonroom.docs", _Pages()))


def _sayer(language: str) -> Callable[[str, str], str]:
    """Return what chooses between a text in English and in Chinese."""
    return lambda english, chinese: chinese if language == "zh" else english


def _guides() -> dict[str, Path]:
    """The guides by name, each with its folder."""
    protocols = _docs() / "protocols"
    return {path.stem: protocols for path in protocols.glob("*.md") if "." not in path.stem} | {_TEACHING: _docs()}


def _page_of(link: str) -> str | None:
    """Return the address of the page for a link to another file; None where the server has no such page."""
    name, dot, suffix = Path(link).name.partition(".")
    languages = [language for language, of_language in _SUFFIXES.items() if of_language == dot + suffix]
    return url_for("docs.guide_page", name=name, lang=languages[0]) if languages and name in _guides() else None


def _docs() -> Path:
    return Path(current_app.root_path) / "docs"
