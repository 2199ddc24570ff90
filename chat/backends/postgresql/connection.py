"""A connection that executes the statements of storage.prepared by libpq's blocking calls (decision 0450).

psycopg's cursors are for all types and for cancelling; at a classroom's rate of sends they take more CPU than the
statements do. Everything else goes by psycopg, in the same transactions.
"""

import re
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import postgres
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from chat.storage.prepared import RunsPrepared

_DONE = {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}
# The server derives those of other values from the statement.
_TYPES = {type_: postgres.types[name].oid for type_, name in ((bool, "bool"), (int, "int8"), (float, "float8"))}
_PLACE = re.compile("%(s|%)")


class Connection(psycopg.Connection[tuple[Any, ...]], RunsPrepared):
    """Waits in libpq: what ends a wait is an answer, or an end of the connection (see breaker, and KEEPALIVES)."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Names of the server's prepared statements, by SQL and types of its values.
        self._names: dict[tuple[str, tuple[int, ...]], bytes] = {}

    def run_prepared(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        raw = self.pgconn
        if raw.transaction_status == TransactionStatus.IDLE and not self.autocommit:
            _done(raw.exec_(self._begin()))
        adapter = Transformer(self)
        given: Any = adapter.dump_sequence(values, [PyFormat.TEXT] * len(values))
        types = tuple([_TYPES.get(type(value), 0) for value in values])
        if self.prepare_threshold is None:  # behind a pooler
            result = _done(raw.exec_params(_numbered(sql), given, types))
        else:
            name = self._names.get((sql, types)) or self._prepare(sql, types)
            result = _done(raw.exec_prepared(name, given))
        adapter.set_pgresult(result)
        return adapter.load_rows(0, result.ntuples, tuple)

    def commit(self) -> None:
        """Commit, if a transaction has begun."""
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            _done(self.pgconn.exec_(b"COMMIT"))

    def rollback(self) -> None:
        """Roll back, if a transaction has begun. psycopg would have the server forget all prepared statements."""
        if self.pgconn.transaction_status != TransactionStatus.IDLE:
            _done(self.pgconn.exec_(b"ROLLBACK"))

    def _begin(self) -> bytes:
        level = f" ISOLATION LEVEL {self.isolation_level.name.replace('_', ' ')}" if self.isolation_level else ""
        return f"BEGIN{level}{' READ ONLY' if self.read_only else ''}".encode()

    def _prepare(self, sql: str, types: tuple[int, ...]) -> bytes:
        name = f"chat_{len(self._names)}".encode()
        _done(self.pgconn.prepare(name, _numbered(sql), types))
        self._names[sql, types] = name
        return name


def _numbered(sql: str) -> bytes:
    """The SQL with libpq's places for values: $1, $2 and so on."""
    numbers = iter(range(1, sql.count("%") + 1))
    return _PLACE.sub(lambda found: f"${next(numbers)}" if found[1] == "s" else "%", sql).encode()


def _done(result: PGresult) -> PGresult:
    if result.status in _DONE:
        return result
    if not result.error_field(psycopg.pq.DiagnosticField.SQLSTATE):  # not from the server: the connection is lost
        raise psycopg.OperationalError(result.get_error_message())
    raise psycopg.errors.error_from_result(result)
