"""The index of the messages' texts: an FTS5 table of trigrams (docs/decisions/0125).

Sends do not write to it, which would cost them 40 % more: recent messages are candidates of every search until
`catch_up` has indexed them, many at a time. Triggers keep edits and deletions of indexed ones up to date.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, text

from chat.ports import Candidates

ROWS = 300  # per transaction, because other writers wait for it
RECENT = 500  # messages that may be waiting to be indexed
BATCHES = 50  # per call
PAUSE = 0.02  # seconds between two transactions
PAGES = 32  # of the index, merged per transaction
SCRUB_SECONDS = 6 * 3600.0
_NOT_BEGUN, _BEGUN = 1, 2  # values of is_stale
_WORKED = 2  # rows changed by a merge that did something
_TRIGRAM = 3
_MOST_TRIGRAMS = 8  # more would take longer than they save

_found = text(
    "SELECT rowid FROM message_search WHERE message_search MATCH :query AND rowid < :before ORDER BY rowid DESC"
    " LIMIT :most"
)
_recent = text(
    "SELECT id FROM messages WHERE id > (SELECT indexed_to FROM message_search_state) AND id < :before"
    " ORDER BY id DESC LIMIT :most"
)
_waiting = text(
    "SELECT max(id), count(*) FROM (SELECT id FROM messages"
    " WHERE id > (SELECT indexed_to FROM message_search_state) ORDER BY id LIMIT :most)"
)
_add = text(
    "INSERT INTO message_search (rowid, content) SELECT id, content FROM messages"
    " WHERE id > (SELECT indexed_to FROM message_search_state) AND id <= :last AND content <> ''"
)
_stale = text("SELECT is_stale FROM message_search_state")
_set_stale = text("UPDATE message_search_state SET is_stale = :stale WHERE is_stale = :before")
_merge = text("INSERT INTO message_search (message_search, rank) VALUES ('merge', :pages)")
_changes = text("SELECT total_changes()")
_advance = text("UPDATE message_search_state SET indexed_to = :last")


class SqliteTextIndex:
    def __init__(
        self,
        read: Callable[[], AbstractContextManager[Connection]],
        write: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self._read = read
        self._write = write
        self._scrub_due = 0.0  # time.monotonic() s

    def answers(self, terms: Sequence[str]) -> bool:
        """Whether a term is long enough to contain a trigram."""
        return any(len(term) >= _TRIGRAM for term in terms)

    def candidates(self, connection: Connection, terms: Sequence[str], before: int, most: int) -> Candidates:
        """Return recent messages, then those with the terms' trigrams."""
        ids = list(connection.execute(_recent, {"before": before, "most": most}).scalars())
        left = most - len(ids)
        if left > 0:
            values = {"query": _query(terms), "before": before, "most": left}
            found = connection.execute(_found, values).scalars().all()
            ids += found
            if len(found) < left:
                return Candidates(ids, 0)
        return Candidates(ids, ids[-1])

    def scrub(self) -> None:
        """Merge the index into one segment, some pages at a time: only that removes the trigrams of deleted texts.

        At most every SCRUB_SECONDS, and only after deletions.
        """
        if time.monotonic() < self._scrub_due:
            return
        with self._read() as connection:
            stale = connection.execute(_stale).scalar_one()
        for _ in range(BATCHES if stale else 0):
            with self._write() as tx:
                before = tx.execute(_changes).scalar_one()
                # A negative number has all segments merged, in steps that the positive ones continue.
                tx.execute(_merge, {"pages": -PAGES if stale == _NOT_BEGUN else PAGES})
                is_done = tx.execute(_changes).scalar_one() - before < _WORKED and stale != _NOT_BEGUN
                stale = _BEGUN
                tx.execute(
                    _set_stale, {"before": _BEGUN, "stale": 0} if is_done else {"before": _NOT_BEGUN, "stale": stale}
                )
            if is_done:
                break
            time.sleep(PAUSE)
        else:
            if stale:
                return  # the next round continues
        self._scrub_due = time.monotonic() + SCRUB_SECONDS

    def catch_up(self) -> None:
        """Index recent messages once there are RECENT of them."""
        with self._read() as connection:
            _, count = connection.execute(_waiting, {"most": RECENT}).one()
        if count < RECENT:
            return
        for _ in range(BATCHES):
            with self._write() as tx:
                last, count = tx.execute(_waiting, {"most": ROWS}).one()
                if count:
                    tx.execute(_add, {"last": last})
                    tx.execute(_advance, {"last": last})
            if count < ROWS:
                return
            time.sleep(PAUSE)


def _query(terms: Sequence[str]) -> str:
    """Return FTS5's query for messages with all of some trigrams of the terms."""
    trigrams: list[str] = []
    for term in terms:
        last = len(term) - _TRIGRAM
        starts = [*range(0, last, _TRIGRAM), last] if last >= 0 else []
        trigrams += [term[start : start + _TRIGRAM] for start in starts]
    quoted = (trigram.replace('"', '""') for trigram in trigrams[:_MOST_TRIGRAMS])
    return " AND ".join(f'"{trigram}"' for trigram in quoted)
