"""Refuses requests at once while the database is away, instead of one timeout each (decision 0104).

A prober asks the database every half second over a connection of its own. A server that was paused answers TCP and
nothing else, so the prober shuts the connections of requests that wait for it.
"""

import contextlib
import logging
import os
import select
import socket
import threading
import time
import weakref
from random import SystemRandom
from typing import Any

import psycopg
from psycopg.pq import ExecStatus
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError

from chat.backends.postgresql.engine import connect
from chat.backends.transactions import RETRY_AFTER
from chat.errors import ChatError, ErrorCode
from chat.ports import Hints, Listener
from chat.restartable_thread import RestartableThread

log = logging.getLogger(__name__)
PROBE_SECONDS = 0.5  # between two questions
ANSWER_SECONDS = 2.0  # for an answer
CUT_OFF_SECONDS = 10.0  # a probe that begins later than this after the last answer, and hears nothing, decides
_RENEWALS = "commonroom.renewals"
_ASK = b"SHOW transaction_read_only"
# Errors of the operating system or DNS when no packet came back. All others came from the server's host.
_SILENCE = ("timeout expired", "timed out", "no answer", "unreachable", "No route to host", "is down", "resolve")


class ReadOnlyError(psycopg.OperationalError):
    """The server takes no writes: another one may be the primary now."""


class Breaker:
    """Whether the database answers. From any thread."""

    def __init__(self, engine: Engine) -> None:
        self._renewals = 0
        self._connections: weakref.WeakSet[psycopg.Connection] = weakref.WeakSet()
        self._lock = threading.Lock()
        self.is_open = False  # requests are refused
        self.openings = 0  # so far
        self._is_direct: bool | None = None  # not known before the first connection
        self.suspected = threading.Event()  # the prober is to look now
        event.listen(engine, "connect", self._connected)
        event.listen(engine, "checkout", self._checked_out)

    def check(self) -> None:
        """Raise UNAVAILABLE while the database is known to be away."""
        if self.is_open:
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=RETRY_AFTER)

    def watch(self, connection: psycopg.Connection) -> None:
        """Close this connection, too, when the database is found to be away."""
        if self._is_direct is None:
            self._is_direct = _is_direct(connection)
        if not self._is_direct:  # a pooler may give each transaction any connection, and lose prepared statements
            connection.prepare_threshold = None
        with self._lock:
            self._connections.add(connection)

    def renew(self) -> None:
        """Have the pool replace its connections before their next use.

        Engine.dispose would leave those in use to the garbage collector.
        """
        self._renewals += 1

    def _connected(self, connection: psycopg.Connection, record: Any) -> None:
        record.info[_RENEWALS] = self._renewals
        self.watch(connection)

    def _checked_out(self, _connection: object, record: Any, _proxy: object) -> None:
        if record.info[_RENEWALS] != self._renewals:
            raise DisconnectionError  # the pool replaces the connection and tries once more

    def open(self, error: Exception) -> None:
        """Refuse from now on, and end the waits of those that already asked."""
        if self.is_open:
            return
        self.is_open = True
        self.openings += 1
        log.warning("the database is away, requests are refused until it answers: %s", error)
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            _shut(connection)

    def close(self) -> None:
        """Let requests through again, over new connections."""
        if self.is_open:
            self.renew()
            self.is_open = False
            log.warning("the database answers again")


class Prober:
    """The thread that opens and closes the breaker."""

    def __init__(self, breaker: Breaker, url: str, listener: Listener, hints: Hints | None) -> None:
        self._breaker = breaker
        self._url = url
        self._listener = listener
        self._hints = hints
        self._answered_at = time.monotonic()
        self.answers = 0
        self._is_cut_off = False
        self._thread = RestartableThread("prober", self._run)

    def start(self) -> None:
        """Start the thread; also after `stop`."""
        self._answered_at = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._thread.stop(self._breaker.suspected.set)

    def _run(self) -> None:
        while not self._thread.stopping.is_set():
            began = time.monotonic()
            try:
                with contextlib.closing(connect(self._url, autocommit=True)) as connection:
                    while not self._thread.stopping.is_set():
                        began = time.monotonic()
                        ask(connection, ANSWER_SECONDS)
                        self._answered()
                        self._pause()
            except psycopg.Error as error:
                self._failed(error, began)
            except Exception:
                log.exception("probing the database failed; it is tried again")
            self._pause()

    def _pause(self) -> None:
        if self._breaker.suspected.wait(PROBE_SECONDS * SystemRandom().uniform(0.9, 1)):
            self._breaker.suspected.clear()
            if self._breaker.is_open and not self._thread.stopping.is_set():
                time.sleep(PROBE_SECONDS / 10)  # suspected again by everybody who notices

    def _answered(self) -> None:
        self.answers += 1
        self._answered_at = time.monotonic()
        self._is_cut_off = False
        self._breaker.close()

    def _failed(self, error: psycopg.Error, began: float) -> None:
        may_be_one = not self._breaker.is_open and not isinstance(error, ReadOnlyError) and not is_silence(error)
        if may_be_one and self._answers_anew():
            return  # only that connection was ended
        self._breaker.open(error)
        is_long = began - self._answered_at >= CUT_OFF_SECONDS
        hears_others = self._hints is not None and self._hints.is_live
        if is_long and is_silence(error) and not hears_others and not self._is_cut_off:
            self._is_cut_off = True
            log.warning("this host is cut off from its database: waiting clients are sent elsewhere")
            self._listener.cut_off()

    def _answers_anew(self) -> bool:
        try:
            with contextlib.closing(connect(self._url, autocommit=True)) as connection:
                ask(connection, ANSWER_SECONDS)
        except psycopg.Error:
            return False
        return True


def ask(connection: psycopg.Connection, seconds: float) -> None:
    """Have the server answer within this time, and that it takes writes. Raises psycopg.OperationalError."""
    raw = connection.pgconn
    raw.send_query(_ASK)
    raw.flush()
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    deadline = time.monotonic() + seconds
    results: list[Any] = []
    while True:
        raw.consume_input()
        if raw.is_busy():
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise psycopg.OperationalError(f"no answer within {seconds:g} s")
        elif (result := raw.get_result()) is not None:
            results.append(result)
        else:
            break
    if not results or results[0].status != ExecStatus.TUPLES_OK:
        raise psycopg.OperationalError(results[0].error_message.decode(errors="replace") if results else "no result")
    if results[0].get_value(0, 0) != b"off":
        raise ReadOnlyError("the server is read-only, as after a fail-over")


def is_silence(error: Exception) -> bool:
    """Whether nothing came back from the server's host, rather than a refusal."""
    text = str(error)
    refused = "refused" in text or "FATAL" in text or getattr(error, "sqlstate", None) is not None
    return not refused and any(words in text for words in _SILENCE)


def _is_direct(connection: psycopg.Connection) -> bool:
    """Whether the server is at the other end: a pooler tells process ids of its own."""
    result = connection.pgconn.exec_(b"SELECT pg_backend_pid()")
    return result.status == ExecStatus.TUPLES_OK and int(result.get_value(0, 0) or 0) == connection.pgconn.backend_pid


def _shut(connection: psycopg.Connection) -> None:
    """End a wait for an answer in another thread: it fails as by a lost connection."""
    with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)
