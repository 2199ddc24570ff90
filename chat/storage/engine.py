"""How connections to the database are set up."""

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

BEGIN_OPTION = "sqlite_begin"


def engine_options(uri: str, busy_seconds: float) -> dict[str, Any]:
    """Options for create_engine: a pool that many request threads share, and bounded waits."""
    options: dict[str, Any] = {
        "pool_size": 8,
        "max_overflow": 24,
        "pool_timeout": busy_seconds,
        "hide_parameters": True,  # errors are logged; what people wrote is not
    }
    if uri.startswith("sqlite"):
        options["connect_args"] = {"timeout": busy_seconds, "check_same_thread": False}
    return options


def tune_sqlite(engine: Engine, synchronous: str) -> None:
    """WAL, foreign keys, and transactions that begin when and how we say.

    Python's sqlite3 begins transactions by itself, late, and as readers: two that read and then write lose updates.
    With isolation_level None it leaves that to us, and Store begins writers with BEGIN IMMEDIATE.
    """

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get(BEGIN_OPTION, "BEGIN")
        raw: Any = connection.connection.driver_connection
        try:
            raw.execute(statement)  # a tenth of the time that it takes by way of SQLAlchemy
        except sqlite3.OperationalError as error:
            raise OperationalError(statement, None, error) from error
