"""The index of the messages' texts: pg_trgm's trigrams, found by a regular expression (docs/decisions/0125).

The expression lists both cases of a letter, so equality does not depend on the database's collation.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, text

from chat import folding
from chat.models import Message
from chat.ports import Candidates

WINDOW = 5  # of the newest messages, per candidate asked for: a common word is found there without the index
COMMON = 0.01  # share of the window's messages that have a common word
_MOST_CHARS = 24  # of all terms; pg_trgm handles expressions of bounded size
_MOST_WORDS, _ASKED, _WORD_CHARS = 6, 3, 8  # counted in the window, asked of the index, and the beginning of each
_TRIGRAM = 3
_ctype = text("SELECT datctype FROM pg_database WHERE datname = current_database()")


def _matching(column: Any, count: int) -> list[Any]:
    return [column.regexp_match(bindparam(f"term{number}")) for number in range(count)]


def _values(patterns: Sequence[str]) -> dict[str, str]:
    return {f"term{number}": pattern for number, pattern in enumerate(patterns)}


class PostgresTextIndex:
    def __init__(self, read: Any) -> None:
        self._read = read
        self._knows_letters: bool | None = None  # whether the database takes others than A to Z for letters

    def answers(self, terms: Sequence[str]) -> bool:
        """Whether a term has three letters or digits in a row: pg_trgm ignores all other characters."""
        return bool(self._words(terms))

    def candidates(self, connection: Connection, terms: Sequence[str], before: int, most: int) -> Candidates:
        """Return the messages of a window if all words are common there, else those with the rare words.

        The index would read all messages with common words, however few have the phrase.
        """
        size = WINDOW * most
        newest = select(Message.id, Message.content).where(Message.id < before).order_by(Message.id.desc()).limit(size)
        window = newest.cte("recent").prefix_with("MATERIALIZED", dialect="postgresql")
        patterns = _patterns(terms)
        columns = select(window.c.id).where(*_matching(window.c.content, len(patterns)))
        query = columns.order_by(window.c.id.desc()).limit(most)
        ids = list(connection.execute(query, _values(patterns)).scalars())
        if len(ids) == most:
            return Candidates(ids, ids[-1])
        words = ["".join(map(_class, word)) for word in self._words(terms)]
        counted = [func.count().filter(match) for match in _matching(window.c.content, len(words))]
        count, last, *counts = connection.execute(
            select(func.count(), func.min(window.c.id), *counted), _values(words)
        ).one()
        if count < size:
            return Candidates(ids, 0)
        rare = [word for word, found in zip(words, counts, strict=True) if found < COMMON * size]
        return _found(connection, rare[:_ASKED], before, most) if rare else Candidates(ids, last)

    def catch_up(self) -> None:
        """Nothing: the server indexes each message at once."""

    def _words(self, terms: Sequence[str]) -> list[str]:
        """Return beginnings of the longest runs of letters and digits that contain a trigram."""
        if self._knows_letters is None:
            with self._read() as connection:
                self._knows_letters = connection.execute(_ctype).scalar_one() not in {"C", "POSIX"}
        found = []
        for term in terms:
            is_part = (char.isalnum() and (self._knows_letters or char.isascii()) for char in term)
            runs = "".join(char if part else " " for char, part in zip(term, is_part, strict=True)).split()
            found += [run for run in runs if len(run) >= _TRIGRAM]
        longest = sorted(found, key=len, reverse=True)[:_MOST_WORDS]
        return list(dict.fromkeys(run[:_WORD_CHARS] for run in longest))


def _found(connection: Connection, patterns: Sequence[str], before: int, most: int) -> Candidates:
    """Return the hits of the index."""
    found = (
        select(Message.id)
        .where(Message.id < before, *_matching(Message.content, len(patterns)))
        .cte("found")
        .prefix_with("MATERIALIZED", dialect="postgresql")  # else the planner may walk along the primary key
    )
    query = select(found.c.id).order_by(found.c.id.desc()).limit(most)
    ids = list(connection.execute(query, _values(patterns)).scalars())
    return Candidates(ids, ids[-1] if len(ids) == most else 0)


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
