"""Lists: complete up to a cap that drops the oldest entries, or in pages (keyset pagination)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, false, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from chat.errors import ChatError, ErrorCode
from chat.names import name_key
from chat.services.lookups import LIST_CAP, MAX_ID, AnySelect

PAGE_DEFAULT, PAGE_MAX = 100, 200  # entries
SEARCH_MAX_CHARS = 100
_POSITION = re.compile(r"[0-9]{1,19}(?:-[0-9]{1,19})*", re.ASCII)
T = TypeVar("T")
Key = ColumnElement[Any] | InstrumentedAttribute[int]


@dataclass(frozen=True, slots=True)
class Page:
    """The requested part of a list."""

    limit: int | None = None  # None: the whole list, up to its LIST_CAP newest entries
    after: str = ""  # the `next` of the previous page
    search: str = ""  # part of the name, case-insensitive


WHOLE = Page()


class Listed(list[T]):
    """The entries of a list. `next`: the cursor for the next page; "" at the end."""

    __slots__ = ("next",)

    def __init__(self, entries: Sequence[T], after: str = "") -> None:
        super().__init__(entries)
        self.next = after


def limited(query: AnySelect, keys: Sequence[Key], page: Page, *, newest_first: bool) -> AnySelect:
    """Restrict the query to the page's rows, plus one more if another page follows.

    The keys are integers that grow with an entry's age or activity, unique in combination. They are added to the
    columns as key_0, key_1, …. Raises FIELD_INVALID for a malformed cursor.
    """
    query = query.add_columns(*(key.label(f"key_{number}") for number, key in enumerate(keys)))
    is_descending = newest_first or page.limit is None
    query = query.order_by(*(key.desc() if is_descending else key.asc() for key in keys))
    if page.limit is None:
        return query.limit(LIST_CAP)
    if page.after:
        position = tuple_(*map(literal, _position(page.after, len(keys))))
        query = query.where(tuple_(*keys) < position if newest_first else tuple_(*keys) > position)
    return query.limit(page.limit + 1)


def listed(rows: Sequence[Any], page: Page, *, newest_first: bool) -> Listed[Any]:
    """Return the rows found by the query of `limited`, in the order of the list."""
    if page.limit is None:
        return Listed(rows if newest_first else rows[::-1])
    if len(rows) <= page.limit:
        return Listed(rows)
    return Listed(rows[: page.limit], position_of(rows[page.limit - 1]))


def position_of(row: Any) -> str:
    """Return the cursor of a row of `limited`."""
    return "-".join(str(value) for name, value in row._mapping.items() if str(name).startswith("key_"))


def fetch(
    connection: Any, query: AnySelect, keys: Sequence[Key], page: Page, *, newest_first: bool = False
) -> Listed[Any]:
    """Return the rows of a page. See `limited`."""
    rows = connection.execute(limited(query, keys, page, newest_first=newest_first)).all()
    return listed(rows, page, newest_first=newest_first)


def matches(key: ColumnElement[str] | InstrumentedAttribute[str], search: str) -> ColumnElement[bool]:
    """Whether the text is part of a name, compared by its key."""
    wanted = name_key(search)
    return key.contains(wanted, autoescape=True) if wanted else false()


def _position(after: str, length: int) -> list[int]:
    values = [int(value) for value in after.split("-")] if _POSITION.fullmatch(after) else []
    if len(values) != length or any(value > MAX_ID for value in values):
        raise ChatError(ErrorCode.FIELD_INVALID, field="after")
    return values
