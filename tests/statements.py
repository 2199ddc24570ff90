"""SQL compiled once: each test has an engine of its own, which would compile the same statements again."""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine.default import DefaultDialect


def compile_once() -> None:
    """From now on, all engines of a kind share what they have compiled."""
    compiled: dict[Any, Any] = {}  # by dialect, statement, and names of columns
    Engine._compiled_cache = property(lambda _: compiled, lambda *_: None)  # type: ignore[assignment]
    DefaultDialect.__hash__ = lambda dialect: hash(type(dialect))  # type: ignore[method-assign,assignment]
    DefaultDialect.__eq__ = lambda dialect, other: type(dialect) is type(other)  # type: ignore[method-assign]
