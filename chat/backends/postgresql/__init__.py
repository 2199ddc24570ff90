"""A PostgreSQL database: writers run beside each other, and a bus that listens for other processes' commits."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from chat.backends.postgresql.bus import PostgresBus
from chat.backends.postgresql.engine import parameters
from chat.backends.postgresql.store import Store
from chat.clock import Clock
from chat.ports import BackupError, Listener

_BY_HAND = "on PostgreSQL, take pg_dump and pg_restore (docs/postgresql.md)"


class PostgresBackend:
    def __init__(self, engine: Engine, clock: Clock, url: str) -> None:
        self.store = Store(engine, clock)
        self._url = url

    @property
    def name(self) -> str:
        known = parameters(self._url)
        return f"the PostgreSQL database {known.get('dbname', '')} at {known.get('host', 'this machine')}"

    def bus(self, listener: Listener) -> PostgresBus:
        """Make the bus that commits of this process go through from here on."""
        made = PostgresBus(self.store, listener, self._url)
        self.store.published = made.committed
        return made

    def backup(self, target: Path) -> None:  # noqa: ARG002
        raise BackupError(_BY_HAND)

    def restore(self, source: Path, check: Callable[[Path], None]) -> str:  # noqa: ARG002
        raise BackupError(_BY_HAND)
