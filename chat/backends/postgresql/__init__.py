"""A PostgreSQL database: writers run beside each other, and a bus that listens for other processes' commits."""

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from sqlalchemy import Engine

from chat.backends import copying
from chat.backends.postgresql.bus import PostgresBus
from chat.backends.postgresql.engine import connect, parameters
from chat.backends.postgresql.store import Store
from chat.backends.sqlite import backup as files
from chat.clock import Clock
from chat.ports import Backend, BackupError, Hints, Listener, Opened

GONE_SECONDS = 3.0  # within which the connections of a server that was stopped disappear
_OTHERS = """
SELECT 1 FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'commonroom' AND pid <> pg_backend_pid() LIMIT 1
"""


class PostgresBackend:
    for_hosts = True

    def __init__(self, engine: Engine, clock: Clock, url: str, hints: Hints | None) -> None:
        """hints: faster than the database's own; None: these alone."""
        self.store = Store(engine, clock)
        self._url = url
        self._hints = hints

    @property
    def name(self) -> str:
        known = parameters(self._url)
        return f"the PostgreSQL database {known.get('dbname', '')} at {known.get('host', 'this machine')}"

    def bus(self, listener: Listener) -> PostgresBus:
        """Create the bus, which tells other processes of commits from now on."""
        made = PostgresBus(self.store, listener, self._url, self._hints)
        self.store.on_commit(made.committed)
        return made

    def backup(self, target: Path, opened: Opened) -> None:
        """Copy one snapshot into an SQLite file, which either database can restore (decision 0107)."""
        target = files.file_to_write(target)
        with files.drafted(target) as draft:
            with opened(draft) as file:
                copying.copy(self.store, copying.store_of(file), _not_told)
            files.finish(draft, target)

    def restore(self, source: Path, check: Callable[[Path], None], opened: Opened) -> str:
        kept = source.with_name(source.name + files.KEPT)
        self._require_alone()
        with files.drafted(source) as draft:
            files.take_in(source, draft)
            check(draft)
            self.backup(kept, opened)
            with opened(draft) as file:
                copying.copy(copying.store_of(file), self.store, _not_told, replaces=True)
        return str(kept)

    def compact(self) -> None:
        raise BackupError("PostgreSQL uses the space again by itself; to shrink its files, run VACUUM FULL there")

    def move_to(self, target: Backend, told: Callable[[int, int], None]) -> int:
        self._require_alone()
        return copying.copy(self.store, copying.store_of(target), told)

    def _require_alone(self) -> None:
        """Raise BackupError while a server uses the database. Connections that have just ended show for a moment."""
        self.store.dispose()
        deadline = time.monotonic() + GONE_SECONDS
        try:
            with connect(self._url, autocommit=True) as connection:
                while connection.execute(_OTHERS).fetchone():
                    if time.monotonic() > deadline:
                        raise BackupError("the database is in use: stop all servers, and try again")
                    time.sleep(0.05)
        except psycopg.Error as error:
            raise BackupError(" ".join(str(error).split())) from None


def _not_told(done: int, total: int) -> None:
    pass
