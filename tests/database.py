"""The database behind a test's services, for any back end."""

import contextlib
import itertools
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import CursorResult, Engine, event, func, select, text

from chat.backends.postgresql.bus import PostgresBus
from chat.backends.sqlite.bus import SqliteBus
from chat.backends.transactions import SqlStore
from chat.models import EventRow, Message
from chat.ports import Bus, WriteTransaction
from chat.services import Services
from tests.databases import url_of
from tests.real_server import wait_until

_VALUE = r"(?:\?|%s::\w+)"  # ? on SQLite, %s::BIGINT on PostgreSQL
_LIST = re.compile(rf"\({_VALUE}(?:, {_VALUE})*\)")


def store_of(services: Services) -> SqlStore:
    """The store as it is, with what services must not see."""
    store = services.store
    assert isinstance(store, SqlStore)
    return store


def engine_of(services: Services) -> Engine:
    return store_of(services).engine


def bus_of(services: Services) -> Bus:
    """Another bus for the services, for tests that run its steps one by one."""
    return services.backend.bus(services.hub)


def execute(tx: WriteTransaction, sql: str, values: Sequence[Any] = ()) -> CursorResult[Any]:
    """Run SQL with ? for values: one row's, or those of many rows."""
    numbers = itertools.count()
    named = "".join(f":v{next(numbers)}" if char == "?" else char for char in sql)
    many = bool(values) and isinstance(values[0], tuple)
    rows = [{f"v{n}": value for n, value in enumerate(row)} for row in (values if many else [values])]
    return tx.execute(text(named), rows if many else rows[0])


def count(services: Services, *tables: type) -> list[int]:
    """Rows in these tables."""
    with services.store.read() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def rows_of(home: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows from outside of the server that uses the database of an instance folder."""
    with contextlib.closing(_outside(home)) as connection:
        return [tuple(row) for row in connection.execute(query).fetchall()]


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Let nobody write into the database of an instance folder; all may read."""
    with contextlib.closing(_outside(home)) as connection:
        connection.execute("BEGIN" if url_of(home) else "BEGIN IMMEDIATE")
        if isinstance(connection, psycopg.Connection):
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables)
            connection.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(names))
        yield
        connection.execute("ROLLBACK")


def _outside(home: Path) -> "psycopg.Connection | sqlite3.Connection":
    if url := url_of(home):
        return psycopg.connect(url, autocommit=True)
    return sqlite3.connect(home / "commonroom.db", isolation_level=None)


def wait_for_the_bus(services: Services) -> None:
    """Wait until the bus has read everything committed so far."""
    bus = services.bus
    if isinstance(bus, PostgresBus):
        since = time.monotonic()
        wait_until(lambda: services.hub.heard_at > since, "the bus has looked")
        return
    assert isinstance(bus, SqliteBus)
    with services.store.read() as connection:
        newest = connection.execute(select(func.max(EventRow.id))).scalar() or 0
        message = connection.execute(select(func.max(Message.id))).scalar() or 0
    wait_until(lambda: bus._last_id >= newest and bus._last_message >= message, "the bus has read what was committed")


@contextlib.contextmanager
def statement_texts(services: Services) -> Iterator[list[str]]:
    """Note the texts of this thread's statements, any list of values as (…), but for that of finding the session.

    Their kinds, with BEGIN and COMMIT: tests.conftest.statements_of.
    """
    engine, thread = engine_of(services), threading.get_ident()
    statements: list[str] = []

    def note(*args: Any) -> None:
        # Housekeeping has its own; and the session is mostly known.
        if threading.get_ident() == thread and "JOIN sessions" not in args[2]:
            statements.append(_LIST.sub("(…)", args[2]))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


@contextlib.contextmanager
def tracing(engine: Engine, note: Callable[[str], None]) -> Iterator[None]:
    """Note every statement that new connections run, BEGIN and COMMIT included."""
    is_sqlite = engine.dialect.name == "sqlite"

    class Noting(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **options: Any) -> Any:
            note(query)
            return super().execute(query, *args, **options)

    def trace(connection: Any, _record: object) -> None:
        if is_sqlite:
            connection.set_trace_callback(note)
        else:
            connection.cursor_factory = Noting
            run = connection.run_prepared

            def run_prepared(sql: str, values: Sequence[Any]) -> Any:
                note(sql)
                return run(sql, values)

            connection.run_prepared = run_prepared

    listeners: list[tuple[str, Callable[..., None]]] = [("connect", trace)]
    if not is_sqlite:  # the driver begins and commits by itself
        listeners += [("begin", lambda _: note("BEGIN")), ("commit", lambda _: note("COMMIT"))]
    for name, listener in listeners:
        event.listen(engine, name, listener)
    try:
        yield
    finally:
        for name, listener in listeners:
            event.remove(engine, name, listener)
