"""A set of whole numbers as one parameter of a statement, for thousands: in_() makes a parameter of each."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.functions import FunctionElement


class _NumberSet(FunctionElement[int]):
    """A subquery with the numbers of a JSON array."""

    inherit_cache = True
    type = Integer()


def is_among(column: ColumnElement[int] | InstrumentedAttribute[int], numbers: Iterable[int]) -> ColumnElement[bool]:
    """Whether the column's value is one of the numbers."""
    return column.bool_op("IN")(_NumberSet(json.dumps(list(numbers))))


@compiles(_NumberSet, "sqlite")
def _on_sqlite(numbers: _NumberSet, compiler: Any, **options: Any) -> str:
    array = compiler.process(numbers.clauses, **options)  # a placeholder
    return f"(SELECT value FROM json_each({array}))"  # noqa: S608


@compiles(_NumberSet, "postgresql")
def _on_postgresql(numbers: _NumberSet, compiler: Any, **options: Any) -> str:
    array = compiler.process(numbers.clauses, **options)
    numbers_of = f"jsonb_array_elements_text(CAST({array} AS jsonb))"
    return f"(SELECT CAST(number AS bigint) FROM {numbers_of} AS numbers(number))"  # noqa: S608
