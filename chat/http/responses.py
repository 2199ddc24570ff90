"""Responses that chat.server does not send as a plain body."""

from collections.abc import Callable
from typing import Any

from flask import Response

from chat.server.ports import ENVIRON_KEY, Held, HeldRequest, Streamed, Upgrade


class HeldResponse(Response):
    """The head of an answer whose body comes later."""

    def __init__(self, held: HeldRequest) -> None:
        super().__init__(mimetype="application/json")
        self.held = held
        self.answered: Callable[[], None] = lambda: None  # called on the event loop for each answer with this head

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Return the request that is held, in place of a body."""
        super().__call__(environ, start_response)
        return Held(self.held, self.answered)


class StreamedResponse(Response):
    """A body whose parts are fetched as the client reads, so that a slow client occupies little memory."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Return the chunks; on other servers, or with another status, a plain body."""
        pieces = super().__call__(environ, start_response)
        is_streamed = ENVIRON_KEY in environ and environ["REQUEST_METHOD"] == "GET" and self.status_code in (200, 206)
        return Streamed(pieces) if is_streamed else pieces


class UpgradeResponse(Response):
    """The end of a WebSocket handshake."""

    def __init__(self, upgrade: Upgrade) -> None:
        super().__init__(status=101)
        self.upgrade = upgrade

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Return the socket, in place of a body."""
        super().__call__(environ, start_response)
        return self.upgrade
