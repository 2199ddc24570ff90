"""Connections to Redis on which all of a command's waits together are bounded.

redis-py bounds each step by itself (connecting, password, database's number, answer), each address of a host by itself,
and looking up the host's name not at all: a silent name server holds it for 5 s and more.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any

import redis
from redis.utils import SENTINEL

_LEAST_SECONDS = 0.001  # 0 would mean: do not wait
_MOST_LATE = 10  # attempts to connect that go on alone: each is a thread


class Patience:
    """How long each thread may still wait, and connections that took longer. From any thread."""

    def __init__(self, seconds: float) -> None:
        """seconds: for one command, with its connection if it needs one."""
        self._seconds = seconds
        self._mine = threading.local()
        self._late = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def limited(self) -> Iterator[None]:
        """Bound all waits of the block together."""
        self._mine.until = time.monotonic() + self._seconds
        try:
            yield
        finally:
            self._mine.until = None

    def left(self) -> float:
        """Seconds that this thread may still wait; all of them outside of `limited`."""
        until = getattr(self._mine, "until", None)
        return self._seconds if until is None else max(_LEAST_SECONDS, until - time.monotonic())

    def connect(self, make: Callable[[], socket.socket]) -> socket.socket:
        """Connect in a thread of its own, which goes on alone if it takes too long. Raises OSError."""
        if self._late >= _MOST_LATE:
            raise OSError("earlier attempts to connect have not ended")
        made: Future[socket.socket] = Future()
        threading.Thread(target=_settle, args=(made, make), name="redis connection", daemon=True).start()
        if wait([made], self.left()).done:
            return made.result()
        self._count_late(1)
        made.add_done_callback(self._ended_late)
        raise OSError(f"no connection within {self._seconds:g} s, with the look-up of its name")

    def _ended_late(self, made: "Future[socket.socket]") -> None:
        """Close what nobody takes."""
        self._count_late(-1)
        if made.exception() is None:
            made.result().close()

    def _count_late(self, more: int) -> None:
        with self._lock:
            self._late += more


def _settle(made: "Future[socket.socket]", make: Callable[[], socket.socket]) -> None:
    try:
        connection = make()
    except BaseException as error:
        made.set_exception(error)
    else:
        made.set_result(connection)


class _Bounded(redis.connection.AbstractConnection):
    def __init__(self, *, patience: Patience, **options: Any) -> None:
        self._patience = patience
        super().__init__(**options)

    def _connect(self) -> socket.socket:
        return self._patience.connect(super()._connect)  # type: ignore[safe-super]

    def read_response(self, *args: Any, timeout: Any = SENTINEL, **options: Any) -> Any:
        limit = self._patience.left() if timeout is SENTINEL else timeout
        return super().read_response(*args, timeout=limit, **options)


class _Plain(_Bounded, redis.Connection):
    pass


class _Tls(_Bounded, redis.SSLConnection):
    pass


class _Local(_Bounded, redis.UnixDomainSocketConnection):
    pass


CONNECTIONS = {"redis": _Plain, "rediss": _Tls, "unix": _Local}  # by the URL's scheme
