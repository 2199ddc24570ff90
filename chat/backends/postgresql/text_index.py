"""The index of the messages' texts: pg_trgm's trigrams, found by a regular expression (docs/decisions/0125).

The expression lists both cases of a letter, so equality does not depend on the database's collation.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, text

from chat import folding
from chat.models import Message
from chat.ports import Candidates

WINDOW = 2000  # the newest messages, looked through first: a common word is found there
COMMON = 40  # candidates in the window; then the next search looks through the next window
_MOST_CHARS = 24  # of all terms; pg_trgm handles expressions of bounded size
_TRIGRAM = 3
_ctype = text("SELECT datctype FROM pg_database WHERE datname = current_database()")


def _matching(column: Any, count: int) -> list[Any]:
    return [column.regexp_match(bindparam(f"term{number}")) for number in range(count)]


class PostgresTextIndex:
    def __init__(self, read: Any) -> None:
        self._read = read
        self._knows_letters: bool | None = None  # whether the database takes others than A to Z for letters

    def answers(self, terms: Sequence[str]) -> bool:
        """Whether a term has three letters or digits in a row: pg_trgm ignores all other characters."""
        return any(self._run_of_letters(term) >= _TRIGRAM for term in terms)

    def candidates(self, connection: Connection, terms: Sequence[str], before: int, most: int) -> Candidates:
        """Return the messages with the terms' beginnings: of a window if they are common, else by the index."""
        patterns = _patterns(terms)
        window = (
            (select(Message.id, Message.content).where(Message.id < before).order_by(Message.id.desc()).limit(WINDOW))
            .cte("recent")
            .prefix_with("MATERIALIZED", dialect="postgresql")
        )
        values = {f"term{number}": pattern for number, pattern in enumerate(patterns)}
        columns = select(window.c.id).where(*_matching(window.c.content, len(patterns)))
        ids = list(connection.execute(columns.order_by(window.c.id.desc()).limit(most), values).scalars())
        if len(ids) >= min(COMMON, most):
            return Candidates(ids, ids[-1])
        found = (
            select(Message.id)
            .where(Message.id < before, *_matching(Message.content, len(patterns)))
            .cte("found")
            .prefix_with("MATERIALIZED", dialect="postgresql")  # else the planner may walk along the primary key
        )
        ids = list(connection.execute(select(found.c.id).order_by(found.c.id.desc()).limit(most), values).scalars())
        return Candidates(ids, ids[-1] if len(ids) == most else 0)

    def catch_up(self) -> None:
        """Nothing: the server indexes each message at once."""

    def _run_of_letters(self, term: str) -> int:
        if self._knows_letters is None:
            with self._read() as connection:
                self._knows_letters = connection.execute(_ctype).scalar_one() not in {"C", "POSIX"}
        longest = run = 0
        for char in term:
            run = run + 1 if char.isalnum() and (self._knows_letters or char.isascii()) else 0
            longest = max(longest, run)
        return longest


def _patterns(terms: Sequence[str]) -> list[str]:
    """Return regular expressions for the beginnings of the terms."""
    left = _MOST_CHARS
    made = []
    for term in terms:
        if left > 0:
            made.append("".join(map(_class, term[:left])))
            left -= len(term)
    return made


def _class(char: str) -> str:
    """Return the expression for a folded character."""
    same = folding.variants(char)
    if len(same) > 1:
        return f"[{same}]"
    return f"\\{char}" if char.isascii() and not char.isalnum() else char
