"""Statements compiled once and run straight on the driver, for the few that every send runs."""

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement


class Prepared:
    """A Core statement. SQLAlchemy's own way to run it takes several times as long as the database does.

    Values and rows are the driver's: no types of columns are applied, and no defaults but the database's.
    """

    def __init__(self, statement: Executable, columns: list[str] | None = None) -> None:
        """columns: of an insert, those that get values."""
        assert isinstance(statement, ClauseElement)  # noqa: S101
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, tuple[str, list[tuple[str, Any]]]] = {}  # SQL, names and defaults, by dialect

    def run(self, connection: Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows it gives. Raises what Connection.execute raises."""
        return self._run(connection, values, None)

    def run_many(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """The same once for each of the rows, all of which have all values. Of statements with two or more."""
        self._run(connection, {}, rows)

    def _run(
        self, connection: Connection, values: Mapping[str, Any], rows: Iterable[Mapping[str, Any]] | None
    ) -> list[tuple[Any, ...]]:
        dialect = connection.dialect
        sql, names = self._compiled.get(dialect.name) or self._compile(dialect)
        cursor: Any = connection.connection.cursor()
        try:
            if rows is not None:
                cursor.executemany(sql, map(itemgetter(*(name for name, _ in names)), rows))
                return []
            cursor.execute(sql, [values.get(name, default) for name, default in names])
            return cursor.fetchall() if cursor.description else []
        except Exception as error:
            kind: Any = getattr(dialect.dbapi, "Error", ())
            if not isinstance(error, kind):
                raise
            raise DBAPIError.instance(sql, None, error, kind, hide_parameters=True, dialect=dialect) from error
        finally:
            cursor.close()

    def _compile(self, dialect: Dialect) -> tuple[str, list[tuple[str, Any]]]:
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=self._columns)
        names = [(name, compiled.params[name]) for name in compiled.positiontup or ()]
        self._compiled[dialect.name] = (str(compiled), names)
        return self._compiled[dialect.name]
