"""News of other processes that share the SQLite file."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import func, select

from chat.delivery.hub import Hub
from chat.models import Event, EventKind, EventRow
from chat.storage.store import Store

log = logging.getLogger(__name__)
LOOK_EVERY = 0.02  # seconds; one look costs a few µs
LOOK_ANYWAY_EVERY = 4.0  # seconds; should a change ever not show in data_version
MOST_EVENTS = 1000  # a read

_NEWER_SQL = f"SELECT id, kind, subject_id, time, data FROM events WHERE id > ? ORDER BY id LIMIT {MOST_EVENTS}"  # noqa: S608


class SqliteBus:
    """A thread that looks whether the file has changed, and publishes the events that are new in it.

    It reads this process's own events too: for the feeds they are old news then, and where publishing
    failed half-way it mends that.
    """

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)
        self._last_id = 0

    def start(self) -> None:
        """Start from the events there are now."""
        with self._store.read() as connection:
            self._last_id = connection.execute(select(func.max(EventRow.id))).scalar() or 0
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def read_events(self) -> None:
        """Publish what has been committed since the last time."""
        with self._store.read() as connection:
            self._publish_new(lambda last_id: connection.exec_driver_sql(_NEWER_SQL, (last_id,)).all())

    def _publish_new(self, read: Callable[[int], Sequence[Any]]) -> None:
        while rows := read(self._last_id):
            newest = rows[-1][0]
            if newest - self._last_id != len(rows):  # trimmed before this process came to read them
                log.warning("events were missed; every waiting client looks again")
                self._hub.resync()
            events = [Event(EventKind(kind), about, time, data=data, id=id_) for id_, kind, about, time, data in rows]
            self._hub.publish(_newest_of_each(events))
            self._last_id = newest
            self._hub.signal(events)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._watch()
            except Exception:
                # Nothing is lost: last_id stays, the next look reads on from there.
                log.exception("reading the events of other processes failed; it is tried again")
                self._stop.wait(1.0)

    def _watch(self) -> None:
        # A connection of its own, outside the pool: data_version tells of commits by all others.
        connection = self._store.engine.raw_connection()
        connection.detach()
        with closing(connection):
            cursor = connection.cursor()
            seen, idle = None, 0.0
            while not self._stop.wait(LOOK_EVERY):
                cursor.execute("PRAGMA data_version")
                version = cursor.fetchone()
                idle += LOOK_EVERY
                if version != seen or idle >= LOOK_ANYWAY_EVERY:
                    # As plain SQL on this connection: it runs after each send, mostly to find nothing that is news.
                    self._publish_new(lambda last_id: cursor.execute(_NEWER_SQL, (last_id,)).fetchall())
                    seen, idle = version, 0.0


def _newest_of_each(events: Sequence[Event]) -> list[Event]:
    """Several messages of a room are one event: the feed fetches the range at once."""
    return list({(event.kind, event.subject_id): event for event in events}.values())
