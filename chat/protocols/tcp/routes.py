"""Maps each message_type to its handler."""

from collections.abc import Callable

from marshmallow import Schema

from chat.errors import ErrorCode
from chat.protocols.tcp.connection import Handle, Request

REQUESTS: dict[str, Request] = {}
# Failures of any line.
ANYWHERE = frozenset(
    {
        ErrorCode.BODY_MALFORMED,
        ErrorCode.BODY_TOO_LARGE,
        ErrorCode.MESSAGE_TYPE_UNKNOWN,
        ErrorCode.FIELD_MISSING,
        ErrorCode.FIELD_INVALID,
        ErrorCode.NOT_SIGNED_IN,
        ErrorCode.RATE_LIMITED,
        ErrorCode.UNAVAILABLE,
        ErrorCode.INTERNAL,
    }
)


def handles(
    message_type: str, schema: type[Schema], *failures: ErrorCode, needs_login: bool = True
) -> Callable[[Handle], Handle]:
    """Decorator: call the function with the conversation and the request, loaded by the schema."""

    def decorate(function: Handle) -> Handle:
        REQUESTS[message_type] = Request(schema(), function, needs_login, failures)
        return function

    return decorate
