"""Configuration of database connections."""

import sqlite3
from typing import Any

from sqlalchemy import Engine, event

INCREMENTAL = 2  # the value of PRAGMA auto_vacuum
LOG_MAX_PAGES = 8000  # of 4 KiB; beyond this, SQLite's writer runs the checkpoint


def engine_options(busy_seconds: float) -> dict[str, Any]:
    """Options for create_engine: a pool shared by request threads, and bounded waits."""
    return {
        "pool_size": 8,
        "max_overflow": 24,
        "pool_timeout": busy_seconds,
        "pool_use_lifo": True,  # the most recently used connection has warm caches
        "hide_parameters": True,  # errors are logged without users' text
        "connect_args": {"timeout": busy_seconds, "check_same_thread": False},
    }


def tune_sqlite(engine: Engine, synchronous: str) -> None:
    """Enable WAL and foreign keys, and leave transactions to Store.

    Python's sqlite3 begins transactions late and as readers, so that two which read and then write lose updates. With
    isolation_level None it begins none: Store._begin does.
    """

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None
        # First, because auto_vacuum only works before the first table. secure_delete overwrites deleted data.
        vacuum = ("auto_vacuum=INCREMENTAL", "secure_delete=ON")
        pragmas = ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON", "temp_store=MEMORY")
        # Store.checkpoint usually runs earlier.
        for pragma in (*vacuum, *pragmas, f"wal_autocheckpoint={LOG_MAX_PAGES}"):
            connection.execute(f"PRAGMA {pragma}")
