"""Databases: each package implements chat.ports, and knows no rules of the chat."""

from typing import Any

from sqlalchemy import Engine

from chat.backends import sqlite
from chat.backends.sqlite import engine as sqlite_engine
from chat.clock import Clock
from chat.ports import Backend


def engine_options(busy_seconds: float) -> dict[str, Any]:
    """Return the options of create_engine for that database."""
    return sqlite_engine.engine_options(busy_seconds)


def backend_for(engine: Engine, clock: Clock, *, busy_seconds: float, sqlite_synchronous: str) -> Backend:
    """Return the database behind the engine."""
    return sqlite.SqliteBackend(engine, clock, busy_seconds=busy_seconds, synchronous=sqlite_synchronous)
