"""Text functions that give the same on every database."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}  # for str.translate: as AsciiLower does


class AsciiLower(FunctionElement[str]):
    """A text with A to Z as a to z, and all else as it is."""

    type = Text()
    inherit_cache = True


def contains(column: Any, text: str) -> ColumnElement[bool]:
    """Whether a column contains the text, with A to Z as a to z."""
    return AsciiLower(column).contains(text.lower(), autoescape=True)


@compiles(AsciiLower, "sqlite")
def _sqlite(element: AsciiLower, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(AsciiLower, "postgresql")
def _postgresql(element: AsciiLower, compiler: SQLCompiler, **options: Any) -> str:
    return f'lower({compiler.process(element.clauses, **options)} COLLATE "C")'


class Position(FunctionElement[int]):
    """The position of the second text in the first, counted from 1; 0 if absent.

    LIKE restarts the comparison at every character, which takes 100 times as long for "aaa…" in "aaa…".
    """

    type = Integer()
    inherit_cache = True


@compiles(Position, "sqlite")
def _sqlite_position(element: Position, compiler: SQLCompiler, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@compiles(Position, "postgresql")
def _postgresql_position(element: Position, compiler: SQLCompiler, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"
