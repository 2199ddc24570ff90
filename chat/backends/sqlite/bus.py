"""Receives events committed by other processes on the same SQLite file."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from chat.backends.events import newest_of_each
from chat.backends.sqlite.doorbell import ring
from chat.backends.sqlite.filewatch import FileWatch, Tick, watch
from chat.backends.sqlite.store import Store
from chat.models import SIGNALS, Event, EventKind, EventRow
from chat.ports import Listener

log = logging.getLogger(__name__)
LOOK_AGAIN_SECONDS = 0.02  # after a write that is not yet visible; the next pauses are each eight times as long
SETTLE_SECONDS = 0.003  # usually enough from a commit's first bytes to its last
LOOK_ANYWAY_SECONDS = 2.56  # the longest pause, in case a change never shows in data_version
MOST_EVENTS = 1000  # per read

_NEWER_SQL = f"SELECT id, kind, subject_id, time, data FROM events WHERE id > ? ORDER BY id LIMIT {MOST_EVENTS}"  # noqa: S608


class SqliteBus:
    """A thread that looks for new events when another process has written to the file, and publishes them."""

    def __init__(self, store: Store, hub: Listener) -> None:
        self._store = store
        self._hub = hub
        # resolved, because all names of one database must share one doorbell
        self._database = Path(store.engine.url.database or "").resolve()
        self._files: FileWatch | Tick | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)
        self._last_id = 0

    def start(self) -> None:
        """Start from the newest event at this time."""
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
        """Have other processes look, and this one for signals. Also for commands that write without running a bus."""
        files = self._files
        if not isinstance(files, FileWatch):  # other processes may rely on the doorbell alone
            ring(self._database)
        if files is not None and any(event.kind in SIGNALS for event in events):
            files.wake()

    def read_events(self) -> None:
        """Publish events committed since the last call."""
        with self._store.read() as connection:
            self._publish_new(lambda last_id: connection.exec_driver_sql(_NEWER_SQL, (last_id,)).all())

    def _publish_new(self, read: Callable[[int], Sequence[Any]]) -> None:
        while rows := read(self._last_id):
            newest = rows[-1][0]
            if newest - self._last_id != len(rows):  # trimmed before this process read them
                log.warning("events were missed; every waiting client looks again")
                self._hub.resync()
            events = [
                Event(EventKind(kind), about, time, data=data, id=id_)
                for id_, kind, about, time, data in rows
                if not self._store.is_own(id_)
            ]
            self._hub.publish(newest_of_each(events))
            self._last_id = newest
            self._hub.signal(events)

    def _run(self) -> None:
        files = self._files
        while files is not None and not self._stop.is_set():
            try:
                self._watch(files)
            except Exception:
                # Nothing is lost: last_id is unchanged, so the next look reads from there.
                log.exception("reading the events of other processes failed; retrying")
                self._stop.wait(1.0)

    def _watch(self, files: FileWatch | Tick) -> None:
        # A separate connection outside the pool: data_version reports commits by all other connections.
        connection = self._store.engine.raw_connection()
        connection.detach()
        with closing(connection):
            cursor = connection.cursor()
            seen, pause, looked_at, read_at = None, LOOK_AGAIN_SECONDS, 0.0, 0.0
            while not self._stop.is_set():
                is_written = files.wait(pause)
                if is_written:  # let the commit finish, and coalesce several into one look
                    self._stop.wait(max(SETTLE_SECONDS, looked_at + LOOK_AGAIN_SECONDS - time.monotonic()))
                    files.wait(0)
                can_hear = files.attend()
                looked_at = time.monotonic()
                cursor.execute("PRAGMA data_version")
                version = cursor.fetchone()
                if version != seen or looked_at - read_at >= LOOK_ANYWAY_SECONDS:
                    # Plain SQL on this connection: it runs after each send, and usually finds nothing new.
                    self._publish_new(lambda last_id: cursor.execute(_NEWER_SQL, (last_id,)).fetchall())
                    read_at = looked_at
                self._hub.heard(looked_at)
                # inotify fires when WAL pages are written, which may be before the commit is visible.
                if not can_hear:
                    pause = LOOK_AGAIN_SECONDS
                elif not is_written:
                    pause = min(8 * pause, LOOK_ANYWAY_SECONDS)
                elif version == seen:
                    pause = LOOK_AGAIN_SECONDS
                else:
                    pause = 5 * LOOK_AGAIN_SECONDS  # another file was written to
                seen = version
