"""Query parameters, and their types shared by protocols."""

from collections.abc import Callable
from enum import Enum
from functools import wraps
from typing import Any

from flask import request
from marshmallow import Schema, fields, validate

from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import declared
from chat.http.bodies import BODY_FAILURES, is_clean, json_object, load
from chat.http.fields import is_number


class Body(Enum):
    """Whether parameters may also come in a JSON body."""

    NONE = "no"
    COUNTS = "yes, and it counts where both have one"
    YIELDS = "yes, but the query string counts; what is empty or null is absent"


def asks(schema: type[Schema], *, body: Body = Body.NONE) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: pass the query, loaded by the schema, as the next argument.

    Empty parameters count as absent; the first of several with one name counts; unknown ones are ignored. `body`:
    whether parameters may also come in a JSON body, and which source has priority. Raises FIELD_MISSING, FIELD_INVALID;
    with a body also BODY_MALFORMED, BODY_TOO_LARGE.
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
    """?name=1; any value except 0 and false is true."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        super().__init__(load_default=False, metadata={"type": "integer", "enum": [0, 1], "default": 0} | metadata)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        return value not in {"0", "false"}


class Limit(fields.Integer):
    """A maximum number in plain digits. Values above `most` count as `most`."""

    def __init__(self, default: int | None, most: int, metadata: dict[str, Any]) -> None:
        super().__init__(load_default=default, allow_none=False, validate=validate.Range(min=1), metadata=metadata)
        self._most = most

    def _validated(self, value: Any) -> int:
        if not is_number(value):
            raise self.make_error("invalid", input=value)
        return min(int(value), self._most)
