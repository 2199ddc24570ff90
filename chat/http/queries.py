"""Reading query parameters, and the kinds of them that protocols share."""

from collections.abc import Callable
from enum import Enum
from functools import wraps
from typing import Any

from flask import request
from marshmallow import Schema, fields, validate

from chat.errors import ChatError, ErrorCode
from chat.http.bodies import BODY_FAILURES, is_clean, json_object, load
from chat.http.declared import declared


class Body(Enum):
    """Whether a query's parameters may come in a JSON body too."""

    NONE = "no"
    COUNTS = "yes, and it counts where both have one"
    YIELDS = "yes, but the query string counts; what is empty or null is absent"


def asks(schema: type[Schema], *, body: Body = Body.NONE) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the handler's next argument is the query, loaded by the schema.

    An empty parameter is an absent one; of several of one name the first counts; unknown ones are ignored.
    body: whether parameters may come in a JSON body too, and which counts where both have one.
    Raises FIELD_MISSING, FIELD_INVALID; with a body BODY_MALFORMED, BODY_TOO_LARGE.
    """
    loader = schema()

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        declared(handler).query = schema
        no_body = {ErrorCode.FIELD_MISSING, ErrorCode.FIELD_INVALID}
        declared(handler).failures |= no_body if body is Body.NONE else BODY_FAILURES

        @wraps(handler)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            query = {name: value for name, value in request.args.items() if value}
            for name, value in query.items():
                if not is_clean(value):
                    raise ChatError(ErrorCode.FIELD_INVALID, field=name)
            given: dict[str, Any] = query
            if body is Body.COUNTS:
                given = {**query, **json_object()}
            elif body is Body.YIELDS:
                given = {**{name: value for name, value in json_object().items() if value not in ("", None)}, **query}
            return handler(*args, load(loader, given), **kwargs)

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
