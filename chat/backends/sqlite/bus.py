"""News of other processes that share the SQLite file."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from chat.backends.sqlite.filewatch import FileWatch, Tick, watch
from chat.backends.sqlite.neighbours import ring
from chat.backends.sqlite.store import Store
from chat.models import SIGNALS, Event, EventKind, EventRow
from chat.ports import Listener

log = logging.getLogger(__name__)
LOOK_AGAIN_SECONDS = 0.02  # after a write that is not to be seen yet; then each time after eight times as long
SETTLE_SECONDS = 0.003  # from a commit's first bytes to its last, mostly
LOOK_ANYWAY_SECONDS = 2.56  # the longest pause; should a change ever not show in data_version
MOST_EVENTS = 1000  # a read

_NEWER_SQL = f"SELECT id, kind, subject_id, time, data FROM events WHERE id > ? ORDER BY id LIMIT {MOST_EVENTS}"  # noqa: S608


class SqliteBus:
    """A thread that looks, when another process wrote to the file, whether there are new events, and publishes them.

    It reads this process's own events too: for the feeds they are old news then, and where publishing
    failed half-way it mends that.
    """

    def __init__(self, store: Store, hub: Listener) -> None:
        self._store = store
        self._hub = hub
        self._database = Path(store.engine.url.database or "").resolve()  # by whatever name: one database, one bell
        self._files: FileWatch | Tick | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)
        self._last_id = 0

    def start(self) -> None:
        """Start from the events there are now."""
        with self._store.read() as connection:
            self._last_id = connection.execute(select(func.max(EventRow.id))).scalar() or 0
        self._files = watch(self._database)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stop.set()
        files, self._files = self._files, None
        if files is not None:
            files.wake()
            self._thread.join()
            files.close()

    def committed(self, events: Sequence[Event]) -> None:
        """Publish what this process has just committed; also where it only came to write, and runs no bus."""
        files = self._files
        if not isinstance(files, FileWatch):  # no neighbour of theirs, so they may not listen for more than this
            ring(self._database)
        is_done = False
        try:
            self._hub.publish(events)
            is_done = not any(event.kind in SIGNALS for event in events)  # these are handed on as they are read
        finally:
            if files is not None and not is_done:
                files.wake()

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
        files = self._files
        while files is not None and not self._stop.is_set():
            try:
                self._watch(files)
            except Exception:
                # Nothing is lost: last_id stays, the next look reads on from there.
                log.exception("reading the events of other processes failed; it is tried again")
                self._stop.wait(1.0)

    def _watch(self, files: FileWatch | Tick) -> None:
        # A connection of its own, outside the pool: data_version tells of commits by all others.
        connection = self._store.engine.raw_connection()
        connection.detach()
        with closing(connection):
            cursor = connection.cursor()
            seen, pause, looked_at, read_at = None, LOOK_AGAIN_SECONDS, 0.0, 0.0
            while not self._stop.is_set():
                is_written = files.wait(pause)
                if is_written:  # let the commit come to its end, and many be one look
                    self._stop.wait(max(SETTLE_SECONDS, looked_at + LOOK_AGAIN_SECONDS - time.monotonic()))
                    files.wait(0)
                can_hear = files.attend()
                looked_at = time.monotonic()
                cursor.execute("PRAGMA data_version")
                version = cursor.fetchone()
                if version != seen or looked_at - read_at >= LOOK_ANYWAY_SECONDS:
                    # As plain SQL on this connection: it runs after each send, mostly to find nothing that is news.
                    self._publish_new(lambda last_id: cursor.execute(_NEWER_SQL, (last_id,)).fetchall())
                    read_at = looked_at
                self._hub.heard_at = looked_at
                # One hears of a commit when its bytes are written, which may be before it can be seen.
                if not can_hear:
                    pause = LOOK_AGAIN_SECONDS
                elif not is_written:
                    pause = min(8 * pause, LOOK_ANYWAY_SECONDS)
                elif version == seen:
                    pause = LOOK_AGAIN_SECONDS
                else:
                    pause = 5 * LOOK_AGAIN_SECONDS  # where another was written to meanwhile
                seen = version


def _newest_of_each(events: Sequence[Event]) -> list[Event]:
    """Several messages of a room are one event: the feed fetches the range at once."""
    return list({(event.kind, event.subject_id, _which(event)): event for event in events}.values())


def _which(event: Event) -> int:
    return event.time if event.kind is EventKind.DELETION else 0
