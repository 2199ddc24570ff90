"""Maps each message_type to its handler."""

from collections.abc import Callable

from marshmallow import Schema

from chat.protocols.tcp.connection import Handle, Request

REQUESTS: dict[str, Request] = {}


def handles(message_type: str, schema: type[Schema], *, needs_login: bool = True) -> Callable[[Handle], Handle]:
    """Decorator: call the function with the conversation and the request, loaded by the schema."""

    def decorate(function: Handle) -> Handle:
        REQUESTS[message_type] = Request(schema(), function, needs_login)
        return function

    return decorate
