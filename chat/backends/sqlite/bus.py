"""Receives events committed by other processes on the same SQLite file."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from chat.backends.events import newest_of_each
from chat.backends.sqlite.doorbell import ring
from chat.backends.sqlite.filewatch import FileWatch, Tick, watch
from chat.backends.sqlite.store import Store
from chat.models import SIGNALS, Event, EventKind, EventRow, Message
from chat.ports import Listener
from chat.restartable_thread import RestartableThread
from chat.storage import timeline
from chat.storage.prepared import Prepared

log = logging.getLogger(__name__)
LOOK_AGAIN_SECONDS = 0.02  # between two looks
LOOK_ANYWAY_SECONDS = 2.56  # the longest pause, should the doorbell not be heard
MOST_EVENTS = 1000  # per read

_newer = Prepared(
    select(EventRow.id, EventRow.kind, EventRow.subject_id, EventRow.time, EventRow.data)
    .where(EventRow.id > bindparam("last_id"))
    .order_by(EventRow.id)
    .limit(MOST_EVENTS)
)


class SqliteBus:
    """A thread that looks for new events when another process has written to the file, and publishes them."""

    def __init__(self, store: Store, hub: Listener) -> None:
        self._store = store
        self._hub = hub
        # resolved, because all names of one database must share one doorbell
        self._database = Path(store.engine.url.database or "").resolve()
        self._files: FileWatch | Tick | None = None
        self._thread = RestartableThread("bus", self._run)
        self._last_id = self._last_message = 0

    def start(self) -> None:
        """Start from the newest event and message at this time; also after `stop`."""
        with self._store.read() as connection:
            self._last_id = connection.execute(select(func.max(EventRow.id))).scalar() or 0
            self._last_message = connection.execute(select(func.max(Message.id))).scalar() or 0
        self._files = watch(self._database)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        files, self._files = self._files, None
        if files is not None:
            self._thread.stop(files.wake)
            files.close()

    def committed(self, events: Sequence[Event]) -> None:
        """Have other processes look, and this one for signals. Also for commands that write without running a bus.

        In the order of commits, and after the listeners here: a message next to the last one read need not be read. A
        look at the same moment may have it read once more.
        """
        for event in events:
            if event.message is not None and event.message.id == self._last_message + 1:
                self._last_message = event.message.id
        files = self._files
        if files is None or files.is_shared:
            ring(self._database)
        elif any(event.kind in SIGNALS for event in events):
            files.wake()

    def read_events(self) -> None:
        """Publish events committed since the last call."""
        with self._store.read() as connection:
            self._publish_new(connection)

    def _publish_new(self, connection: Connection) -> None:
        is_done = False
        while not is_done:
            # Messages first: the events then show who had lost the right to read them.
            logged = timeline.logged(connection, self._last_message, MOST_EVENTS)
            rows = _newer.run(connection, {"last_id": self._last_id})
            is_done = max(len(logged), len(rows)) < MOST_EVENTS
            if rows and rows[-1][0] - self._last_id != len(rows):  # trimmed before this process read them
                log.warning("events were missed; every waiting client looks again")
                self._hub.resync()
            events = [Event(EventKind(kind), about, time, data=data, id=id_) for id_, kind, about, time, data in rows]
            messages = [Event(EventKind.MESSAGE, m.room_id, m.time, m, prev_time) for m, prev_time in logged]
            # With messages also its own ones, should the thread that committed them not have told of them yet.
            others = [event for event in events if messages or not self._store.is_own(event.id)]
            if others or messages:
                self._hub.publish(newest_of_each(others) + messages)
            if logged:
                self._last_message = max(self._last_message, logged[-1][0].id)
            if rows:
                self._last_id = rows[-1][0]
                self._hub.signal(events)

    def _run(self) -> None:
        files = self._files
        while files is not None and not self._thread.stopping.is_set():
            try:
                self._watch(files)
            except Exception:
                # Nothing is lost: last_id is unchanged, so the next look reads from there.
                log.exception("reading the events of other processes failed; retrying")
                self._thread.stopping.wait(1.0)

    def _watch(self, files: FileWatch | Tick) -> None:
        # A separate connection outside the pool: data_version reports commits by all other connections.
        with self._store.engine.connect() as connection:
            connection.detach()
            raw: Any = connection.connection.dbapi_connection
            seen, looked_at, read_at, pause = None, 0.0, 0.0, 0.0  # the first look comes at once
            while not self._thread.stopping.is_set():
                if files.wait(pause):  # several rings become one look
                    self._thread.stopping.wait(max(0.0, looked_at + LOOK_AGAIN_SECONDS - time.monotonic()))
                    files.wait(0)
                pause = LOOK_ANYWAY_SECONDS if files.attend() else LOOK_AGAIN_SECONDS
                looked_at = time.monotonic()
                version = raw.execute("PRAGMA data_version").fetchone()
                if version != seen or looked_at - read_at >= LOOK_ANYWAY_SECONDS:
                    self._publish_new(connection)
                    if connection.in_transaction():
                        connection.rollback()
                    read_at = looked_at
                self._hub.heard(looked_at)
                seen = version
