"""Notifications of a process that only comes to write, such as a command, and runs no thread for them."""

import contextlib
import threading
import weakref
from collections.abc import Sequence

import psycopg

from chat.backends.postgresql.engine import connect

CHANNEL = "commonroom"
NOTIFY = "SELECT pg_notify(%s, hint) FROM unnest(%s::text[]) hint"


class CommandNotifier:
    """Keeps one connection for all commits: opening one takes longer than most of them. It ends with this object."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._kept: list[psycopg.Connection] = []  # none, or one
        weakref.finalize(self, _close, self._kept)

    def send(self, payloads: Sequence[str]) -> None:
        """Notify all processes. Raises psycopg.Error."""
        with self._lock:
            if self._kept:
                with contextlib.suppress(psycopg.Error):  # it may have been lost since the last commit
                    self._kept[0].execute(NOTIFY, (CHANNEL, payloads))
                    return
            _close(self._kept)
            self._kept.append(connect(self._url, autocommit=True))
            self._kept[0].execute(NOTIFY, (CHANNEL, payloads))

    def close(self) -> None:
        """Close the connection; the next `send` opens another."""
        with self._lock:
            _close(self._kept)


def _close(kept: list[psycopg.Connection]) -> None:
    while kept:
        kept.pop().close()
