"""Column types and indexes shared by all tables."""

from sqlalchemy import BigInteger, Index, Integer, text

# SQLite assigns row ids only in INTEGER columns; they hold 64 bits as well.
Id = BigInteger().with_variant(Integer, "sqlite")
Microseconds = BigInteger


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index on the rows that match a condition. Migrations make it on PostgreSQL too.

    The model has the condition for SQLite alone: `postgresql_where` would load PostgreSQL's dialect, 20 ms of a start.
    """
    return Index(name, *columns, unique=unique, sqlite_where=text(where))
