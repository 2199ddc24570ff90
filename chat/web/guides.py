"""The guides of docs/ as HTML with a table of contents. Raw HTML in them is shown as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it.token import Token

_CONTENTS = ("h2", "h3")  # levels in the table of contents


@dataclass(frozen=True, slots=True)
class Heading:
    """An entry of the table of contents."""

    level: int  # 2 or 3
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Guide:
    """A guide. `html` is safe to insert; it begins after the title."""

    title: str
    contents: list[Heading]
    html: Markup


def render(text: str, page_of: Callable[[str], str | None]) -> Guide:
    """Render a guide's Markdown (CommonMark and tables).

    `page_of` returns the address for a link to another file, or None: then only the link's text is shown.
    """
    from markdown_it import MarkdownIt  # here, as few requests need it

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("table_open", _table_open)
    markdown.add_render_rule("table_close", _table_close)
    tokens = markdown.parse(text)
    title = ""
    if tokens and tokens[0].tag == "h1":
        title = _plain(tokens[1])
        tokens = tokens[3:]
    if len(tokens) > 1 and _is_one_link(tokens[1]):
        tokens = tokens[3:]  # to the other language, which the page's frame has too
    for token in tokens:
        token.attrs.pop("style", None)  # alignment of a table's cells: the content security policy refuses it
        token.children = _linked(token.children or [], page_of)
    contents = _anchored(tokens)
    return Guide(title, contents, Markup(markdown.renderer.render(tokens, markdown.options, {})))  # noqa: S704


def _is_one_link(token: Token) -> bool:
    return [child.type for child in token.children or []] == ["link_open", "text", "link_close"]


def _linked(children: list[Token], page_of: Callable[[str], str | None]) -> list[Token]:
    """Return the parts of a text with links to other files replaced."""
    found: list[Token] = []
    is_dropped = False
    for child in children:
        target = str(child.attrs.get("href", ""))
        if child.type == "link_open" and not re.match(r"\w+:|#|/", target):
            page = page_of(target)
            is_dropped = page is None
            child.attrs["href"] = page or ""
        if not (is_dropped and child.type in {"link_open", "link_close"}):
            found.append(child)
        is_dropped = is_dropped and child.type != "link_close"
    return found


def _anchored(tokens: list[Token]) -> list[Heading]:
    """Give each heading an id, and list those for the table of contents."""
    contents: list[Heading] = []
    used: dict[str, int] = {}
    for heading, inline in pairwise(tokens):
        if heading.type != "heading_open":
            continue
        text = _plain(inline)
        anchor = re.sub(r"[^\w-]+", "-", text.lower()).strip("-") or "section"
        used[anchor] = used.get(anchor, 0) + 1
        if used[anchor] > 1:
            anchor += f"-{used[anchor]}"
        heading.attrSet("id", anchor)
        if heading.tag in _CONTENTS:
            contents.append(Heading(int(heading.tag[1]), anchor, text))
    return contents


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or [])


def _table_open(*_: Any) -> str:
    return '<div class="wide-table" tabindex="0"><table>\n'


def _table_close(_self: Any, _tokens: Sequence[Token], *_: Any) -> str:
    return "</table></div>\n"
