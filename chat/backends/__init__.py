"""Databases: each package implements chat.ports, and knows no rules of the chat."""

from typing import Any

from sqlalchemy import Engine

from chat.backends import sqlite
from chat.backends.sqlite import engine as sqlite_engine
from chat.clock import Clock
from chat.ports import Backend, Hints, Shared


def engine_options(postgresql_url: str, busy_seconds: float) -> dict[str, Any]:
    """Return the options of create_engine; postgresql_url: "" for SQLite."""
    if not postgresql_url:
        return sqlite_engine.engine_options(busy_seconds)
    from chat.backends.postgresql import engine  # here, as most installations have no use for its driver

    return engine.engine_options(postgresql_url, busy_seconds)


def backend_for(
    engine: Engine,
    clock: Clock,
    *,
    postgresql_url: str,
    busy_seconds: float,
    sqlite_synchronous: str,
    hints: Hints | None = None,
) -> Backend:
    """Return the database behind the engine."""
    if not postgresql_url:
        return sqlite.SqliteBackend(engine, clock, busy_seconds=busy_seconds, synchronous=sqlite_synchronous)
    from chat.backends import postgresql

    return postgresql.PostgresBackend(engine, clock, postgresql_url, hints)


def shared_by(redis_url: str, secret: str) -> Shared | None:
    """Return the shared state of a chat's processes besides the database; redis_url: "" for none."""
    if not redis_url:
        return None
    from chat.backends.redis import RedisShared

    return RedisShared(redis_url, secret)
