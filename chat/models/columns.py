"""Column types that all tables share."""

from sqlalchemy import BigInteger, Integer

# SQLite numbers rows by itself in INTEGER columns only; they hold 64 bits all the same.
Id = BigInteger().with_variant(Integer, "sqlite")
Microseconds = BigInteger
