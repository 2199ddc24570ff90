"""Copies everything that is stored into another database: for moving, and for backups of PostgreSQL.

One transaction on each side: the source is read as of one moment, and a copy that fails or does not match leaves the
target as it was.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, LargeBinary, MetaData, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from chat.backends.transactions import SqlStore
from chat.models import EventRow, User
from chat.ports import Backend, BackupError

Told = Callable[[int, int], None]  # rows done, of how many
_AT_ONCE = 500  # rows
_BLOBS_AT_ONCE = 16  # of up to 256 KiB
_PASSING: frozenset[Any] = frozenset({EventRow.__table__})  # matter to running processes only
_sequence_at = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:name, 'id')::regclass)")
_set_sequence = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)")
_sqlite_sequence_at = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
_set_sqlite_sequence = [
    text("DELETE FROM sqlite_sequence WHERE name = :name"),
    text("INSERT INTO sqlite_sequence VALUES (:name, :last)"),
]
_revision = text("SELECT version_num FROM alembic_version")


class _Sum(NamedTuple):
    """What tables are compared by: the number of rows, and a sum of their digests in any order."""

    rows: int
    digests: int


def copy(source: SqlStore, target: SqlStore, told: Told, *, replaces: bool = False) -> int:
    """Copy all tables, and return the number of rows. replaces: remove the target's rows first.

    Raises BackupError if the schemas differ, the target is not empty, a statement fails, or the copy does not match.
    """
    try:
        with _reading(source.engine) as old, _writing(target.engine) as new:
            return _copy(old, new, told, replaces=replaces)
    except DBAPIError as error:
        raise BackupError(" ".join(str(error.orig).split())) from error


def store_of(backend: Backend) -> SqlStore:
    """The store of another back end of this package."""
    assert isinstance(backend.store, SqlStore)  # noqa: S101
    return backend.store


def _copy(old: Connection, new: Connection, told: Told, *, replaces: bool) -> int:
    _require_same_schema(old, new)
    tables = [table for table in _metadata().sorted_tables if table not in _PASSING]
    if replaces:
        _empty(new)
    elif any(new.execute(select(table).limit(1)).first() is not None for table in tables):
        raise BackupError("the target is not empty: give a new database")
    total = sum(old.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)
    done = 0
    for table in tables:
        copied = _Sum(0, 0)
        writer = _copy_in if new.dialect.name == "postgresql" else _insert_in
        with writer(new, table) as write:
            for rows in _batches(old, table):
                write(rows)
                copied = _added(copied, rows)
                told(done + copied.rows, total)
        found = _Sum(0, 0)
        for rows in _batches(new, table):
            found = _added(found, rows)
        if found != copied:
            raise BackupError(f"{table.name} does not match: {copied.rows} rows were copied, {found.rows} were found")
        _set_last_id(new, table, _last_id(old, table))
        done += copied.rows
    if new.dialect.name == "postgresql":  # else the first pulls are planned without statistics
        new.exec_driver_sql(f"ANALYZE {_names(new, tables)}")
    return done


def _metadata() -> MetaData:
    metadata: MetaData = User.metadata
    return metadata


@contextmanager
def _reading(engine: Engine) -> Iterator[Connection]:
    """One snapshot."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    is_postgresql = engine.dialect.name == "postgresql"
    with engine.connect() as plain, plain.execution_options(**options if is_postgresql else {}).begin():
        _be_patient(plain)
        yield plain


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as new, new.begin():
        _be_patient(new)
        yield new


def _be_patient(connection: Connection) -> None:
    """While one side works the other one waits in its transaction, and a table may refer to its own later rows."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    else:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")


def _require_same_schema(old: Connection, new: Connection) -> None:
    found = [connection.execute(_revision).scalar() for connection in (old, new)]
    if found[0] != found[1]:
        raise BackupError(f"its schema is {found[0]}, this version's is {found[1]}; run: flask --app wsgi db upgrade")


def _empty(new: Connection) -> None:
    tables = _metadata().sorted_tables
    if new.dialect.name == "postgresql":
        new.exec_driver_sql(f"TRUNCATE {_names(new, tables)} RESTART IDENTITY")
    else:
        for table in reversed(tables):
            new.execute(table.delete())


def _names(connection: Connection, tables: Sequence[Table]) -> str:
    return ", ".join(map(connection.dialect.identifier_preparer.format_table, tables))


def _batches(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    """The rows in the order of their keys."""
    most = _BLOBS_AT_ONCE if any(isinstance(column.type, LargeBinary) for column in table.columns) else _AT_ONCE
    query = select(*_stored(table)).order_by(*table.primary_key.columns)
    streaming = query.execution_options(stream_results=True, yield_per=most)
    with closing(connection.execute(streaming)) as result:
        yield from result.partitions()


def _stored(table: Table) -> list[Any]:
    return [column for column in table.columns if column.computed is None]


def _added(to: _Sum, rows: Sequence[Any]) -> _Sum:
    digests = to.digests
    for row in rows:
        # A picture's bytes by their digest: their text would be four times as long.
        plain = tuple(hashlib.blake2b(value).digest() if isinstance(value, bytes) else value for value in row)
        digests += int.from_bytes(hashlib.blake2b(repr(plain).encode(), digest_size=16).digest(), "big")
    return _Sum(to.rows + len(rows), digests)


Write = Callable[[Sequence[Any]], None]


@contextmanager
def _insert_in(new: Connection, table: Table) -> Iterator[Write]:
    names = [column.name for column in _stored(table)]
    statement = insert(table)

    def write(rows: Sequence[Any]) -> None:
        new.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])

    yield write


@contextmanager
def _copy_in(new: Connection, table: Table) -> Iterator[Write]:
    """By COPY in its binary form, which takes bytes as they are."""
    columns = _stored(table)
    described: Any = new.execute(select(*columns).limit(0)).cursor
    types = [column.type_code for column in described.description]
    names = ", ".join(f'"{column.name}"' for column in columns)
    with closing(new.connection.cursor()) as cursor:
        driver: Any = cursor
        with driver.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as into:
            into.set_types(types)

            def write(rows: Sequence[Any]) -> None:
                for row in rows:
                    into.write_row(row)

            yield write


def _last_id(old: Connection, table: Table) -> int:
    """The highest id that was given out, also where its row is deleted: ids are never used again."""
    if not table.dialect_options["sqlite"].get("autoincrement"):
        return 0
    query = _sequence_at if old.dialect.name == "postgresql" else _sqlite_sequence_at
    return int(old.execute(query, {"name": table.name}).scalar() or 0)


def _set_last_id(new: Connection, table: Table, last_id: int) -> None:
    if not last_id:
        return
    statements = [_set_sequence] if new.dialect.name == "postgresql" else _set_sqlite_sequence
    for statement in statements:
        new.execute(statement, {"name": table.name, "last": last_id})
