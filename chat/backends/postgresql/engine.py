"""How connections to PostgreSQL are made."""

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import conninfo

from chat.backends.postgresql.connection import Connection
from setting_parsers import server_of

CONNECT_SECONDS = 2  # for each host of the URL
# An idle peer that is gone is noticed after about 9 s, one that does not acknowledge data after 3.
KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2, "tcp_user_timeout": 3000}
IDLE_IN_TRANSACTION_MS = 10_000  # a paused process must not keep a room locked
POOL_SIZE = 8  # threads wait for one, not connections; docs/postgresql.md has the arithmetic
URI = "postgresql+psycopg://"  # which driver it is; where the server is, only libpq reads


def parameters(url: str, busy_seconds: float = 5.0) -> dict[str, Any]:
    """Return libpq's parameters of a URL, with defaults that bound each wait. Raises psycopg.ProgrammingError."""
    timeouts = f"-c lock_timeout={round(busy_seconds * 1000)} -c idle_in_transaction_session_timeout="
    defaults: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "commonroom",
        "options": f"{timeouts}{IDLE_IN_TRANSACTION_MS}",
        **KEEPALIVES,
    }
    return defaults | conninfo.conninfo_to_dict(url)


def connect(url: str, busy_seconds: float = 5.0, **options: Any) -> Connection:
    """Open a connection outside the pool. Raises psycopg.Error, which names the server."""
    known = parameters(url, busy_seconds)
    try:
        return Connection.connect(**known, **options)
    except psycopg.errors.ConnectionTimeout as error:
        raise psycopg.errors.ConnectionTimeout(f"no answer from {server_of(known)}: {error}") from None


def engine_options(url: str, busy_seconds: float) -> dict[str, Any]:
    """Options for create_engine: a pool shared by many request threads, and bounded waits."""
    creator: Callable[[], Connection] = lambda: connect(url, busy_seconds)  # noqa: E731
    return {
        "creator": creator,  # libpq reads the URL: several hosts, target_session_attrs, sslmode
        "paramstyle": "format",  # by position, as storage.prepared needs
        "pool_size": POOL_SIZE,
        "max_overflow": 0,
        "pool_timeout": busy_seconds,
        "pool_use_lifo": True,
        "hide_parameters": True,  # errors are logged; their contents are not
    }
