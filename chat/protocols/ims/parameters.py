"""Reading what clients send: a body, or, with GET, the query string or a JSON body (specs, "ims")."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from flask import request
from marshmallow import Schema, ValidationError, fields

from chat.clock import SECOND, from_iso
from chat.errors import ChatError, ErrorCode
from chat.http.bodies import BODY_FAILURES, is_clean, json_object, refuse_fields, whole
from chat.http.declared import about, declared
from chat.services.lookups import MAX_ID

_DIGITS = re.compile(r"-?[0-9]+", re.ASCII)
_LONGEST_ID = 19  # digits; what is longer is nobody's id
_TIME = re.compile(
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})?$"
)


def read_id(value: Any) -> int:
    """A whole number, or its digits as text; what no database could hold is read as MAX_ID + 1: not found.

    Raises ValidationError.
    """
    value = whole(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= MAX_ID else MAX_ID + 1
    if not isinstance(value, str) or not _DIGITS.fullmatch(value):
        raise ValidationError("no id")
    return int(value) if len(value.lstrip("-0")) <= _LONGEST_ID else MAX_ID + 1


class Id(fields.Field[int]):
    """See read_id."""

    def __init__(self, english: str, chinese: str, **more: Any) -> None:
        super().__init__(metadata=about(english, chinese, type="integer", examples=[1]), **more)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        return read_id(value)


class Ids(fields.Field[list[int]]):
    """An id, or a list of them."""

    def __init__(self, english: str, chinese: str, **more: Any) -> None:
        anything = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"type": "integer"}, "minItems": 1}]}
        super().__init__(metadata=about(english, chinese, examples=[[1]], **anything), **more)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[int]:
        given = value if isinstance(value, list) else [value]
        if not given:
            raise ValidationError("nobody")
        return [read_id(each) for each in given]


class Time(fields.Field[int]):
    """µs of "2025-03-13T14:30:00Z" or "2025-03-13 14:30:00" (UTC). The end of a second is its last µs."""

    def __init__(self, english: str, chinese: str, *, is_end: bool = False, **more: Any) -> None:
        metadata = about(english, chinese, type="string", pattern=_TIME.pattern)
        super().__init__(load_default=None, metadata=metadata, **more)
        self._is_end = is_end

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        found = _TIME.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError("no time")
        try:
            moment = datetime.fromisoformat(value)
            time = from_iso((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat())
        except (ValueError, OverflowError):
            raise ValidationError("no time") from None
        return time + SECOND - 1 if self._is_end and found[1] is None else time


class Switch(fields.Field[bool]):
    """true or false, and nothing that is only like them. null: as it is."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(load_default=None, allow_none=True, metadata=about(english, chinese, type="boolean"))

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("no boolean")
        return value


class Count(fields.Field[int]):
    """A whole number, its digits, or a boolean, which counts as 1 or 0. null: as it is."""

    def __init__(self, english: str, chinese: str) -> None:
        kinds = ["integer", "boolean"]
        super().__init__(load_default=None, allow_none=True, metadata=about(english, chinese, type=kinds))

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        return int(value) if isinstance(value, bool) else read_id(value)


def asks(schema: type[Schema]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator for GET: the handler's last argument is what the schema loads of query string and JSON body.

    Where both have a field, the query string's counts. Fields that may be left out may be "" or null too.
    Raises FIELD_MISSING, FIELD_INVALID.
    """
    loader = schema()
    optional = {field.data_key or name for name, field in loader.fields.items() if not field.required}

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        declared(handler).query = schema
        declared(handler).failures |= BODY_FAILURES

        @wraps(handler)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            given = json_object()
            for name, value in request.args.items():
                if not is_clean(value):
                    raise ChatError(ErrorCode.FIELD_INVALID, field=name)
                given[name] = value
            given = {name: value for name, value in given.items() if name not in optional or value not in ("", None)}
            try:
                parameters = loader.load(given)
            except ValidationError as error:
                refuse_fields(error, given)
            return handler(*args, parameters, **kwargs)

        return wrapper

    return decorate
