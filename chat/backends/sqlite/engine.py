"""How connections to the database are set up."""

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

BEGIN_OPTION = "sqlite_begin"
INCREMENTAL = 2  # what PRAGMA auto_vacuum says then
LOG_MAX_PAGES = 8000  # of 4 KiB; then a writer moves them into the database itself


def engine_options(busy_seconds: float) -> dict[str, Any]:
    """Options for create_engine: a pool that many request threads share, and bounded waits."""
    return {
        "pool_size": 8,
        "max_overflow": 24,
        "pool_timeout": busy_seconds,
        "pool_use_lifo": True,  # the connection that was used last has the pages, and its code is at hand
        "hide_parameters": True,  # errors are logged; what people wrote is not
        "connect_args": {"timeout": busy_seconds, "check_same_thread": False},
    }


def tune_sqlite(engine: Engine, synchronous: str) -> None:
    """WAL, foreign keys, and transactions that begin when and how we say.

    Python's sqlite3 begins transactions by itself, late, and as readers: two that read and then write lose updates.
    With isolation_level None it leaves that to us, and Store begins writers with BEGIN IMMEDIATE.
    """

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        # First, as it counts only before there is any table. secure_delete: what is deleted is overwritten in the file.
        vacuum = ("auto_vacuum=INCREMENTAL", "secure_delete=ON")
        pragmas = ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON", "temp_store=MEMORY")
        # Store.checkpoint comes before that, mostly.
        for pragma in (*vacuum, *pragmas, f"wal_autocheckpoint={LOG_MAX_PAGES}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get(BEGIN_OPTION, "BEGIN")
        raw: Any = connection.connection.driver_connection
        try:
            raw.execute(statement)  # a tenth of the time that it takes by way of SQLAlchemy
        except sqlite3.OperationalError as error:
            raise OperationalError(statement, None, error) from error
