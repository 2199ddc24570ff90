"""Requests are loaded as marshmallow's own Schema.load does."""

from collections.abc import Callable, Iterator
from typing import Any

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, validate

from chat.http.fields import In, ShortList, WholeNumber

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.sampled_from(["", "a", "7", "x" * 500]) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "inner", "z"]), inner),
    max_leaves=4,
)


class _Inner(In):
    name = fields.String(required=True, validate=validate.Length(max=400))


class _Outer(In):
    name = fields.String(load_default="nobody")
    number = WholeNumber(allow_none=True, data_key="theNumber")
    inner: Any = fields.Nested(_Inner, required=True)
    names = ShortList(fields.String(), 2, load_default=list)


def _loaded(load: Callable[..., object], given: object) -> str:
    try:
        return repr(load(given))
    except ValidationError as error:
        return f"refused: {error.messages!r}"


def _all_kinds(schema: type[In]) -> Iterator[type[In]]:
    for kind in schema.__subclasses__():
        yield kind
        yield from _all_kinds(kind)


@given(
    _VALUES
    | st.fixed_dictionaries({}, optional=dict.fromkeys(["name", "theNumber", "number", "inner", "names"], _VALUES))
)
def test_an_object_is_loaded_or_refused_alike(given: object) -> None:
    schema = _Outer()
    assert _loaded(schema.load, given) == _loaded(lambda data: Schema.load(schema, data), given)


def test_no_schema_needs_more_than_is_done(app: Flask) -> None:
    """Hooks, partial loads, other names, and unknown fields that are not ignored. `app` has imported all protocols."""
    schemas = [kind() for kind in _all_kinds(In)]
    assert len(schemas) > 50
    for schema in schemas:
        assert not any(schema._hooks.values()), schema
        assert (schema.many, schema.partial, schema.unknown) == (False, None, "exclude"), schema
        for field in schema.load_fields.values():
            assert field.attribute is None, field
            assert not isinstance(field, fields.Nested) or not (field.many or field.unknown), field
