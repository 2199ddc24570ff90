"""Lists: complete up to a cap that drops the oldest entries, or in pages (keyset pagination)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, false, literal, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, current_lane, enter_lane
from chat.names import name_key
from chat.services.access import LIST_CAP, MAX_ID, AnySelect

PAGE_DEFAULT, PAGE_MAX = 100, 200  # entries
PAGE_MAX_BYTES = 63 * 1024  # of a page's entries; the whole answer takes at most 64 KiB
SEARCH_MAX_CHARS = 100
SHORT = 100  # entries; a longer list that is wanted whole is read in Lane.LONG
_POSITION = re.compile(r"[0-9]{1,19}(?:-[0-9]{1,19})*", re.ASCII)
T = TypeVar("T")
S = TypeVar("S")
Key = ColumnElement[Any] | InstrumentedAttribute[int]
Matches = Callable[[str], ColumnElement[bool]]  # of a text that is searched for


@dataclass(frozen=True, slots=True)
class Page:
    """The requested part of a list."""

    limit: int | None = None  # None: the whole list, up to its LIST_CAP newest entries
    after: str = ""  # the `next` of the previous page
    search: str = ""  # part of the name, case-insensitive


WHOLE = Page()


class Listed(list[T]):
    """The entries of a list. `next`: the cursor for the next page; "" at the end."""

    __slots__ = ("_rows", "next")

    def __init__(self, entries: Sequence[T], after: str = "", rows: Sequence[Any] = ()) -> None:
        super().__init__(entries)
        self.next = after
        self._rows = rows

    def with_entries(self, entries: Sequence[S]) -> "Listed[S]":
        """Return the same list with other entries, one for each."""
        return Listed(entries, self.next, self._rows)

    def next_after(self, count: int) -> str:
        """Return the cursor for a page that follows the first `count` entries, at least one. Only for pages."""
        return _position_of(self._rows[count - 1])


def limited(
    query: AnySelect, keys: Sequence[Key], page: Page, *, newest_first: bool, search: Matches | None = None
) -> AnySelect:
    """Restrict the query to the page's rows, plus one more if another page follows.

    The keys are integers that grow with an entry's age or activity, unique in combination. They are added to the
    columns as key_0, key_1, …. In Lane.REST a whole list is cut at SHORT entries, plus one. search: the condition for
    page.search; None: the list has no search. Raises FIELD_INVALID for a malformed cursor.
    """
    if page.search and search is not None:
        query = query.where(search(page.search))
    columns = [key.label(f"key_{number}") for number, key in enumerate(keys)]
    is_descending = newest_first or page.limit is None
    # By the columns' names: SQLite would evaluate the expressions once more to sort.
    query = query.add_columns(*columns).order_by(*(key.desc() if is_descending else key.asc() for key in columns))
    if page.limit is None:
        return query.limit(SHORT + 1 if current_lane() is Lane.REST else LIST_CAP)
    if page.after:
        position = tuple_(*map(literal, _position(page.after, len(keys))))
        query = query.where(tuple_(*keys) < position if newest_first else tuple_(*keys) > position)
    return query.limit(page.limit + 1)


def listed(rows: Sequence[Any], page: Page, *, newest_first: bool) -> Listed[Any]:
    """Return the rows found by the query of `limited`, in the order of the list. Raises WrongLane for a long list."""
    if page.limit is None:
        if len(rows) > SHORT:
            enter_lane(Lane.LONG)
        return Listed(rows if newest_first else rows[::-1])
    if len(rows) <= page.limit:
        return Listed(rows, "", rows)
    return Listed(rows[: page.limit], _position_of(rows[page.limit - 1]), rows)


def _position_of(row: Any) -> str:
    """Return the cursor of a row of `limited`."""
    return "-".join(str(value) for name, value in row._mapping.items() if str(name).startswith("key_"))


def fetch(
    connection: Any,
    query: AnySelect,
    keys: Sequence[Key],
    page: Page,
    *,
    newest_first: bool = False,
    search: Matches | None = None,
) -> Listed[Any]:
    """Return the rows of a page. See `limited`."""
    rows = connection.execute(limited(query, keys, page, newest_first=newest_first, search=search)).all()
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
