"""Column types shared by all tables."""

from sqlalchemy import BigInteger, Integer

# SQLite assigns row ids only in INTEGER columns; they hold 64 bits as well.
Id = BigInteger().with_variant(Integer, "sqlite")
Microseconds = BigInteger
