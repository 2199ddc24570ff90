"""Maps each message_type to its handler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import Schema

if TYPE_CHECKING:
    from chat.protocols.tcp.conversation import Conversation

Handle = Callable[["Conversation", dict[str, Any]], None]


@dataclass(frozen=True)
class Request:
    schema: Schema
    handle: Handle
    needs_login: bool


REQUESTS: dict[str, Request] = {}


def handles(message_type: str, schema: type[Schema], *, needs_login: bool = True) -> Callable[[Handle], Handle]:
    """Decorator: call the function with the conversation and the request, loaded by the schema."""

    def decorate(function: Handle) -> Handle:
        REQUESTS[message_type] = Request(schema(), function, needs_login)
        return function

    return decorate
