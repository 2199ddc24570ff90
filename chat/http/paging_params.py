"""Paging parameters of lists, shared by all protocols, and the answer's `next`."""

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from chat.http.api_spec import about
from chat.http.compact_json import compact, fitting
from chat.http.fields import is_number, whole
from chat.services.paging import PAGE_DEFAULT, PAGE_MAX, PAGE_MAX_BYTES, SEARCH_MAX_CHARS, Listed, Page

POSITION_MAX_CHARS = 100


class PageLimit(fields.Field[int]):
    """A whole number from 1, or its digits; values above PAGE_MAX count as PAGE_MAX."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        value = int(value) if isinstance(value, str) and is_number(value) else whole(value)
        if type(value) is not int or value < 1:
            raise ValidationError("no number of entries")
        return min(value, PAGE_MAX)


def after_field() -> fields.String:
    """Return the field for `after` in a request for a page."""
    return fields.String(
        load_default="",
        validate=validate.Length(max=POSITION_MAX_CHARS),
        metadata=about("the `next` of the previous page", "上一页的 next", examples=[""]),
    )


class Paged(Schema):
    """Fields of a request for a page of a list."""

    limit = PageLimit(
        load_default=None,
        allow_none=True,
        metadata=about(
            f"entries a page; over {PAGE_MAX} counts as {PAGE_MAX}; absent: the whole list, at most 5,000",
            f"每页条数，超过 {PAGE_MAX} 按 {PAGE_MAX} 处理；没有则返回整个列表（至多 5000 条）",
            type="integer",
            minimum=1,
        ),
    )
    after = after_field()
    q = fields.String(
        load_default="",
        validate=validate.Length(max=SEARCH_MAX_CHARS),
        metadata=about("only entries with this text in their name", "只返回名称包含此内容的条目", examples=[""]),
    )


def page_of(asked: dict[str, Any]) -> Page:
    """Build the Page from the fields of Paged."""
    limit = asked["limit"] or (PAGE_DEFAULT if asked["after"] else None)
    return Page(limit, asked["after"], asked["q"])


def next_of(
    page: Page, found: Listed[Any], shown: list[Any], *, copies: int = 1, beside: Sequence[Any] = ()
) -> dict[str, str]:
    """Return the additional keys of an answer to a request for a page; documented answers stay unchanged.

    Cuts `shown`, the entries as the answer has them (`copies` times), to at least one entry, so that they and the list
    `beside` them take at most PAGE_MAX_BYTES.
    """
    if page.limit is None:
        return {}
    free = PAGE_MAX_BYTES - (len(compact(beside)) if beside else 0)
    kept = len(fitting(map(compact, shown), free // copies))
    if kept == len(shown):
        return {"next": found.next}
    del shown[kept:]
    return {"next": found.next_after(kept)}


def next_field() -> fields.String:
    """Return the field for `next` in an answer's schema."""
    return fields.String(
        metadata=about(
            "with ?limit=: the `after` of the next page; empty at the end",
            "?limit= 时：下一页的 after；没有下一页则为空",
        )
    )
