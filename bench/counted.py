"""Commonroom with every SQL statement recorded; run as `gunicorn bench.counted:app` (see bench.counts).

GET /statements returns the statements since the previous call: [[where, statement, count], …]. `where` is the path of
the request that ran it, or the name of the thread; MainThread is the loop.
"""

import re
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

_VALUE = re.compile(r"'(?:[^']|'')*'|(?<![\w.])-?\d+(?:\.\d+)?")
_run: deque[tuple[str, str]] = deque()  # appending is atomic: a lock would be system calls of its own
_here = threading.local()


def _connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
    connection = _open(*args, **kwargs)
    connection.set_trace_callback(_ran)
    return connection


def _ran(statement: str) -> None:
    where = getattr(_here, "path", None) or threading.current_thread().name
    _run.append((where, statement))


# Patched in the module instead of using SQLAlchemy's events, so that every connection is recorded.
_open = sqlite3.connect
sqlite3.connect = sqlite3.dbapi2.connect = _connect

from wsgi import app  # noqa: E402 - after that

_inner: Callable[..., Iterable[bytes]] = app.wsgi_app


def _labelled(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    _here.path = environ["PATH_INFO"]
    try:
        return _inner(environ, start_response)
    finally:
        _here.path = None


app.wsgi_app = _labelled  # type: ignore[method-assign]


@app.get("/statements")
def statements() -> list[list[Any]]:
    """Those since the last time, without their values."""
    found: Counter[tuple[str, str]] = Counter()
    for _ in range(len(_run)):
        where, statement = _run.popleft()
        found[where, _shape(statement)] += 1
    return [[*key, count] for key, count in found.items()]


def _shape(statement: str) -> str:
    return " ".join(_VALUE.sub("?", statement).split())
