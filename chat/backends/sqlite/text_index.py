"""The index of the messages' texts: an FTS5 table of trigrams (docs/decisions/0125).

Sends do not write to it, which would cost them 40 % more: recent messages are candidates of every search until
`catch_up` has indexed them, many at a time. Triggers keep edits and deletions of indexed ones up to date.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, bindparam, text

from chat import folding
from chat.ports import Candidates
from chat.storage.prepared import Prepared

ROWS = 300  # per transaction, because other writers wait for it
RECENT = 500  # messages that may be waiting to be indexed
BATCHES = 50  # per call
PAUSE = 0.02  # seconds between two transactions
PAGES = 16  # of the index, merged per transaction
SCRUB_SECONDS = 6 * 3600.0
_NOT_BEGUN, _BEGUN = 1, 2  # values of is_stale
_WORKED = 2  # rows changed by a merge that did something
_TRIGRAM = 3
_MOST_TRIGRAMS, _MOST_COMMON = 8, 4  # more would take longer than they save; all common: fewer
SAMPLE = 200  # messages, to see which trigrams are common
COMMON = 10  # messages of the sample with a common trigram

_found = text(
    "SELECT rowid FROM message_search WHERE message_search MATCH :query AND rowid < :before ORDER BY rowid DESC"
    " LIMIT :most"
)
_bounds = text("SELECT (SELECT coalesce(min(id), 1) FROM messages), indexed_to FROM message_search_state")
_sampled = text("SELECT content FROM messages WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))
_recent = text(
    "SELECT id FROM messages WHERE id > (SELECT indexed_to FROM message_search_state) AND id < :before"
    " ORDER BY id DESC LIMIT :most"
)
_waiting = Prepared(
    text(
        "SELECT max(id), count(*) FROM (SELECT id FROM messages"
        " WHERE id > (SELECT indexed_to FROM message_search_state) ORDER BY id LIMIT :most)"
    )
)
_add = text(
    "INSERT INTO message_search (rowid, content) SELECT id, content FROM messages"
    " WHERE id > (SELECT indexed_to FROM message_search_state) AND id <= :last AND content <> ''"
)
_stale = text("SELECT is_stale FROM message_search_state")
_set_stale = text("UPDATE message_search_state SET is_stale = :stale WHERE is_stale = :before")
_no_automerge = text("INSERT INTO message_search (message_search, rank) VALUES ('automerge', 0)")
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
        """Return recent messages, then those with the rarest of the terms' trigrams."""
        ids = list(connection.execute(_recent, {"before": before, "most": most}).scalars())
        left = most - len(ids)
        if left > 0:
            values = {"query": _query(_rarest(connection, _trigrams(terms))), "before": before, "most": left}
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
        """Index recent messages once there are RECENT of them.

        Segments are merged in transactions of their own: FTS5's automerge would hold up the other writers three times
        as long (docs/decisions/0125).
        """
        with self._read() as connection:
            ((_, count),) = _waiting.run(connection, {"most": RECENT})
        if count < RECENT:
            return
        for _ in range(BATCHES):
            with self._write() as tx:
                tx.execute(_no_automerge)
                ((last, count),) = tx.run(_waiting, {"most": ROWS})
                if count:
                    tx.execute(_add, {"last": last})
                    tx.execute(_advance, {"last": last})
            self._merge()
            if count < ROWS:
                return
            time.sleep(PAUSE)

    def _merge(self) -> None:
        """Merge segments of equal size where there are several, some pages at a time."""
        for _ in range(BATCHES):
            with self._write() as tx:
                before = tx.execute(_changes).scalar_one()
                tx.execute(_merge, {"pages": PAGES})
                if tx.execute(_changes).scalar_one() - before < _WORKED:
                    return
            time.sleep(PAUSE)


def _trigrams(terms: Sequence[str]) -> list[str]:
    """Return the trigrams of the terms: first those that cover them, then those between."""
    covering: list[str] = []
    between: list[str] = []
    for term in terms:
        last = len(term) - _TRIGRAM
        for start in range(last + 1):
            trigrams = between if start % _TRIGRAM and start < last else covering
            trigrams.append(term[start : start + _TRIGRAM])
    return list(dict.fromkeys(covering + between))


def _rarest(connection: Connection, trigrams: list[str]) -> list[str]:
    """Return the rare ones, or all if none is rare: FTS5 reads all of a common trigram's entries to compare them."""
    if len(trigrams) == 1:
        return trigrams
    first, last = connection.execute(_bounds).one()
    ids = range(first, last + 1, max(1, (last - first) // SAMPLE))
    sample = [folding.fold(content) for content in connection.execute(_sampled, {"ids": ids}).scalars()]
    counts = {trigram: sum(trigram in content for content in sample) for trigram in trigrams}
    trigrams = sorted(trigrams, key=counts.__getitem__)
    rare = [trigram for trigram in trigrams if counts[trigram] < COMMON]
    return rare[:_MOST_TRIGRAMS] or trigrams[:_MOST_COMMON]


def _query(trigrams: Sequence[str]) -> str:
    """Return FTS5's query for messages with all of the trigrams."""
    quoted = (trigram.replace('"', '""') for trigram in trigrams)
    return " AND ".join(f'"{trigram}"' for trigram in quoted)
