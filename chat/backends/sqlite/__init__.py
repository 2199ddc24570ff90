"""SQLite: a single writer, and an event bus that watches the file for writes of other processes."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from chat.backends import copying
from chat.backends.sqlite import backup
from chat.backends.sqlite.bus import SqliteBus
from chat.backends.sqlite.compacting import compact
from chat.backends.sqlite.engine import tune_sqlite
from chat.backends.sqlite.store import Store
from chat.clock import Clock
from chat.ports import Backend, Listener, Opened


class SqliteBackend:
    for_hosts = False

    def __init__(self, engine: Engine, clock: Clock, *, busy_seconds: float, synchronous: str) -> None:
        tune_sqlite(engine, synchronous)
        self.store = Store(engine, clock, busy_seconds)
        self._file = Path(engine.url.database or "")

    @property
    def name(self) -> str:
        return str(self._file)

    def backup(self, target: Path, opened: Opened) -> None:  # noqa: ARG002
        backup.backup(self._file, target)

    def restore(self, source: Path, check: Callable[[Path], None], opened: Opened) -> str:  # noqa: ARG002
        backup.restore(self._file, source, check)
        return f"beside it, with {backup.KEPT}"

    def compact(self) -> None:
        self.store.dispose()  # this process's own connections do not count
        compact(self._file)

    def move_to(self, target: Backend, told: Callable[[int, int], None]) -> int:
        self.store.dispose()  # this process's own connections do not count
        with backup.alone(self._file):
            return copying.copy(self.store, copying.store_of(target), told)

    def bus(self, listener: Listener) -> SqliteBus:
        """Create the bus, which tells other processes of commits from now on."""
        made = SqliteBus(self.store, listener)
        self.store.on_commit(made.committed)
        return made
