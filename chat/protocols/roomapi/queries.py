"""Reading requests whose parameters come in the query string, or in a JSON body, GET or not."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import request
from marshmallow import Schema, ValidationError

from chat.errors import ChatError, ErrorCode
from chat.http.bodies import BODY_FAILURES, is_clean, json_object, refuse_fields
from chat.http.declared import declared


def asks(schema: type[Schema]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the handler's last argument is what was asked for; where body and query differ, the body counts.

    Raises FIELD_MISSING, FIELD_INVALID, BODY_MALFORMED.
    """
    loader = schema()

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        declared(handler).query = schema
        declared(handler).failures |= BODY_FAILURES

        @wraps(handler)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            query = request.args.to_dict()
            if not is_clean(query):
                raise ChatError(ErrorCode.FIELD_INVALID, field="query")
            given = {**query, **json_object()}
            try:
                asked = loader.load(given)
            except ValidationError as error:
                refuse_fields(error, given)
            return handler(*args, asked, **kwargs)

        return wrapper

    return decorate
