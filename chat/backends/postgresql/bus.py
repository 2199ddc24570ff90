"""Receives events committed by other processes on the same PostgreSQL database.

Ids are given out before the commit and have gaps, so "newer than the last id" misses events. A look asks for the
difference of two snapshots instead: rows visible now but not at the last look (decision 0102).
"""

import contextlib
import logging
import os
import secrets
import select
import threading
import time
from collections.abc import Sequence
from random import SystemRandom

import psycopg
from sqlalchemy import event

from chat.backends.events import newest_of_each
from chat.backends.hinted import Outbox, heard_events
from chat.backends.postgresql.breaker import Prober
from chat.backends.postgresql.command_notifier import CHANNEL, NOTIFY, CommandNotifier
from chat.backends.postgresql.engine import connect
from chat.backends.postgresql.store import Store
from chat.errors import ChatError
from chat.models import SIGNALS, Event, EventKind
from chat.ports import Hints, Listener
from chat.restartable_thread import RestartableThread

log = logging.getLogger(__name__)
SPACING_SECONDS = 0.005  # between two looks, and between two notifications: bursts become one
LOOK_ANYWAY_SECONDS = 2.5  # should a notification be lost
DEAF_AFTER_SECONDS = 2.0  # without this process's own notification: it goes through a pooler, say
DEAF_LOOK_SECONDS = 0.02
UNHINTED_LOOK_SECONDS = 0.5  # while Redis is away from here: for other processes it may not be
TOO_LONG_SECONDS = 60.0  # without a look: rather than read all that happened, everybody looks again
AWAY_SECONDS = 0.05  # between two looks whether the database is back, of which the prober knows
RETRY_SECONDS = (0.2, 2.0)  # after a lost connection; doubled up to the second

# The snapshot comes with each row, and alone if there are no rows.
_NEWER = """
SELECT s.now, e.id, e.xid::text, e.kind, e.subject_id, e.time, e.data
FROM (SELECT pg_current_snapshot()::text AS now) s
LEFT JOIN events e ON e.xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot)
                  AND NOT pg_visible_in_snapshot(e.xid, %(seen)s::pg_snapshot)
ORDER BY e.id
"""


class PostgresBus:
    """One thread with one connection, outside the pool: it listens, looks, and notifies the other processes.

    Where there are faster hints (Redis), it notifies only while these are away.
    """

    def __init__(self, store: Store, listener: Listener, url: str, hints: Hints | None = None) -> None:
        self._store = store
        self._listener = listener
        self._url = url
        self._hints = hints
        self._name = secrets.token_hex(8)  # the payload of this process's notifications
        self._seen = "3:3:"  # the snapshot up to which events have been published; at first none (ids begin at 3)
        self._looked_at = self._acted_at = 0.0  # time.monotonic() s
        self._look_anyway = LOOK_ANYWAY_SECONDS * SystemRandom().uniform(0.8, 1.2)  # not all processes at once
        self._wake: int | None = None
        self._wake_lock = threading.Lock()
        self._must_notify = self._must_look = False
        self._outbox = Outbox()
        self._command = CommandNotifier(url)  # before `start`
        event.listen(store.engine, "engine_disposed", lambda _: self._command.close())
        self._heard: list[Event] = []  # messages of other processes in notifications, not published yet
        self._unheard_since: float | None = None  # when this process notified, and has not heard itself since
        self._thread = RestartableThread("bus", self._run)
        self._prober = Prober(store.breaker, url, listener, hints)
        if hints is not None:
            hints.listen(self._hinted, self._unhinted)

    def start(self) -> None:
        """Start from the events there are now; also after `stop`. Raises UNAVAILABLE."""
        self._skip()
        self._command.close()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread.start()
        self._prober.start()

    def stop(self) -> None:
        """End the threads and wait for them."""
        self._thread.stop(self._ring)
        self._prober.stop()  # after the bus: it ends waits for a server that is paused
        self._command.close()
        with self._wake_lock:
            wake, self._wake = self._wake, None
            if wake is not None:
                os.close(wake)

    def committed(self, events: Sequence[Event]) -> None:
        """Tell the other processes, and have this one look for signals."""
        has_signals = any(event.kind in SIGNALS for event in events)
        if has_signals:
            self._must_look = True
        is_hinted = self._hints is not None and self._hints.send(events)
        if not is_hinted:
            self._outbox.add(events)
            self._must_notify = True
        if self._wake is None:
            self._notify_from_command()
        elif has_signals or not is_hinted:
            self._ring()

    def read_events(self) -> None:
        """Publish events committed since the last call."""
        with connect(self._url, autocommit=True) as connection:
            self._look(connection)

    def _skip(self) -> None:
        with self._store.read() as connection:
            self._seen = str(connection.exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one())
        self._looked_at = time.monotonic()
        self._listener.heard(self._looked_at)

    def _look(self, connection: psycopg.Connection) -> None:
        began = time.monotonic()
        self._must_look = False
        rows = connection.execute(_NEWER, {"seen": self._seen}).fetchall()
        events = [
            Event(EventKind(kind), about, at, data=data, id=int(xid))
            for _, row_id, xid, kind, about, at, data in rows
            if row_id is not None and not self._store.is_own(row_id)
        ]
        if events:
            self._listener.publish(newest_of_each(events))
        self._seen = rows[0][0]  # only now: what could not be published is read again
        if events:
            self._listener.signal(events)
        self._looked_at = began
        self._listener.heard(began)

    def _run(self) -> None:
        pause, most = RETRY_SECONDS
        breaker, was_lost = self._store.breaker, False
        openings = breaker.openings
        while not self._thread.stopping.is_set():
            if breaker.is_open:
                self._thread.stopping.wait(AWAY_SECONDS)
                pause = RETRY_SECONDS[0]
                continue
            try:
                with connect(self._url, autocommit=True) as connection:
                    breaker.watch(connection)
                    if breaker.openings != openings:  # before it could be closed with the others
                        raise psycopg.OperationalError("the database was away while there was no connection")
                    connection.execute(f"LISTEN {CHANNEL}")
                    if was_lost:  # ids of transactions and events may repeat after a fail-over or a crash
                        self._store.forget_own()
                        self._skip()
                        self._listener.resync()
                    was_lost, pause = False, RETRY_SECONDS[0]
                    self._watch(connection)
            except (psycopg.Error, ChatError) as error:
                was_lost, openings = True, breaker.openings
                self._listener.lost()
                breaker.suspected.set()
                log.warning("the connection for events was lost and is made again: %s", error)
            except Exception:
                # Nothing is lost: the snapshot stays, and the next look goes on from there.
                log.exception("publishing the events of other processes failed; it is tried again")
            else:
                continue
            self._thread.stopping.wait(pause * SystemRandom().uniform(0.8, 1.2))
            pause = min(most, 2 * pause)

    def _watch(self, connection: psycopg.Connection) -> None:
        assert self._wake is not None  # noqa: S101
        connection.add_notify_handler(self._hear)
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        self._unheard_since = None
        self._heard.clear()
        self._outbox.look()
        self._must_look = self._must_notify = True  # the first notification tells whether it can be heard at all
        while not self._thread.stopping.is_set():
            for descriptor, _ in poll.poll(max(0.0, self._due() - time.monotonic()) * 1000):
                if descriptor == self._wake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake, 8)
                else:
                    connection.pgconn.consume_input()  # without a statement
                    while notification := connection.pgconn.notifies():
                        self._hear(psycopg.Notify("", notification.extra.decode(), notification.be_pid))
            self._publish_heard()
            if time.monotonic() >= self._due():
                self._act(connection)
                self._publish_heard()

    def _due(self) -> float:
        """When there is something to do (time.monotonic() s)."""
        if self._must_look or self._must_notify:
            return self._acted_at + SPACING_SECONDS
        return self._looked_at + self._look_every()

    def _look_every(self) -> float:
        hints, unheard = self._hints, self._unheard_since
        if hints is not None and hints.is_live:
            return self._look_anyway
        if unheard is not None and time.monotonic() - unheard > DEAF_AFTER_SECONDS:
            return DEAF_LOOK_SECONDS
        return self._look_anyway if hints is None else UNHINTED_LOOK_SECONDS

    def _act(self, connection: psycopg.Connection) -> None:
        self._acted_at = now = time.monotonic()
        if now - self._looked_at > TOO_LONG_SECONDS:
            self._skip()
            self._listener.resync()
        if self._must_notify:
            self._must_notify = False
            self._unheard_since = self._unheard_since or now
            connection.execute(NOTIFY, (CHANNEL, self._payloads()))
        if self._must_look or now >= self._looked_at + self._look_every():
            self._look(connection)

    def _payloads(self) -> list[str]:
        """Return the payloads of the notifications that are due: this process, and messages, or to look without any."""
        return [f"{self._name} {hint}".rstrip() for hint in self._outbox.take()]

    def _hear(self, notification: psycopg.Notify) -> None:
        name, _, content = notification.payload.partition(" ")
        if name == self._name:
            self._unheard_since = None
        elif events := heard_events(content):
            self._heard += events
        else:
            self._must_look = True

    def _publish_heard(self) -> None:
        if self._heard:
            events, self._heard = self._heard, []
            self._listener.publish(events)

    def _hinted(self, events: Sequence[Event]) -> None:
        """Publish what another process has committed, or look. In the hints' thread."""
        if events:
            try:
                self._listener.publish(events)
            except Exception:
                log.exception("publishing the messages of a hint failed; they are looked for")
            else:
                return
        self._must_look = True
        self._ring()

    def _unhinted(self) -> None:
        self._outbox.look()
        self._must_look = self._must_notify = True
        self._ring()

    def _ring(self) -> None:
        with self._wake_lock:  # once closed, the descriptor's number may be another's
            if self._wake is not None:
                os.eventfd_write(self._wake, 1)

    def _notify_from_command(self) -> None:
        """Notify from a process that only came to write, and runs no thread."""
        try:
            self._command.send(self._payloads())
        except psycopg.Error as error:
            log.warning("other processes learn of it by their next look: %s", error)
