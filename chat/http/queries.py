"""Reading query parameters, and the kinds of them that protocols share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import request
from marshmallow import Schema, ValidationError, fields, validate

from chat.errors import ChatError, ErrorCode
from chat.http.bodies import is_clean, refuse_fields
from chat.http.declared import declared


def asks(schema: type[Schema]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the handler's next argument is the query, loaded by the schema. Raises FIELD_MISSING, FIELD_INVALID.

    An empty parameter is an absent one; of several of one name the first counts; unknown ones are ignored.
    """
    loader = schema()

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        declared(handler).query = schema
        declared(handler).failures |= {ErrorCode.FIELD_MISSING, ErrorCode.FIELD_INVALID}

        @wraps(handler)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            given: dict[str, Any] = {name: request.args[name] for name in loader.fields if request.args.get(name)}
            for name, value in given.items():
                if not is_clean(value):
                    raise ChatError(ErrorCode.FIELD_INVALID, field=name)
            try:
                query = loader.load(given)
            except ValidationError as error:
                refuse_fields(error, given)
            return handler(*args, query, **kwargs)

        return wrapper

    return decorate


class Flag(fields.Boolean):
    """?name=1; anything but 0 and false means yes."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        super().__init__(load_default=False, metadata={"type": "integer", "enum": [0, 1], "default": 0} | metadata)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        return value not in {"0", "false"}


class Limit(fields.Integer):
    """How many at most, in plain digits. More than `most` counts as that."""

    def __init__(self, default: int, most: int, metadata: dict[str, Any]) -> None:
        super().__init__(load_default=default, validate=validate.Range(min=1), metadata=metadata)
        self._most = most

    def _validated(self, value: Any) -> int:
        if not (value.isascii() and value.isdigit() and len(value) < 20):
            raise self.make_error("invalid", input=value)
        return min(int(value), self._most)
