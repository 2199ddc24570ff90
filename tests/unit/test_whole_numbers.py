"""Whole numbers in requests: some languages write all numbers as floats."""

from collections.abc import Iterator

import pytest
from flask import Flask
from marshmallow import ValidationError, fields

from chat.http.fields import In, read_whole
from chat.http.paging_params import Paged
from chat.http.query_params import Limit

LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (1.0, 1),
        (5.0, 5),
        (-3.0, -3),
        (-0.0, 0),
        (1e3, 1000),
        ("7", 7),
        ("-7", -7),
        (1e300, LARGEST + 1),
        (-1e300, -LARGEST - 1),
    ],
)
def test_a_float_without_a_fraction_is_whole(given: float | str, read: int) -> None:
    assert read_whole(given) == read


@pytest.mark.parametrize(
    "given", [1.5, 0.1, -2.5, float("nan"), float("inf"), True, "1.0", "1e0", " 1", "", None, [1.0], {}]
)
def test_nothing_else_is(given: object) -> None:
    with pytest.raises(ValidationError):
        read_whole(given)


def _all_kinds(schema: type[In]) -> Iterator[type[In]]:
    for kind in schema.__subclasses__():
        yield kind
        yield from _all_kinds(kind)


def test_so_is_the_length_of_a_page() -> None:
    """tcp gives it in JSON, roomapi and ims perhaps."""
    assert [Paged().load({"limit": given})["limit"] for given in (5.0, 1e3, "7", 7)] == [5, 200, 7, 7]
    for given in (0.0, -1.0, 1.5, float("nan"), float("inf"), True, "1.0", [1.0]):
        with pytest.raises(ValidationError):
            Paged().load({"limit": given})


def test_every_number_of_every_request_is_read_so(app: Flask) -> None:
    """`app` has imported the schemas of all protocols."""
    schemas = list(_all_kinds(In))
    assert (
        len({schema.__module__.split(".")[2] for schema in schemas if schema.__module__.startswith("chat.protocols.")})
        == 5
    )
    others = [
        (schema.__name__, name)
        for schema in schemas
        for name, field in schema().fields.items()
        if isinstance(field, fields.Integer) and not isinstance(field, Limit)  # of a query, which has digits
    ]
    assert others == []
