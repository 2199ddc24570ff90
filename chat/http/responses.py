"""Responses that chat.server does not send as a plain body."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app

from chat.http.context import ARRIVAL_KEY
from chat.server.ports import Arrival, Held, HeldRequest, Receiver, Receiving, Streamed, Upgrade


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
        is_streamed = ARRIVAL_KEY in environ and environ["REQUEST_METHOD"] == "GET" and self.status_code in (200, 206)
        return Streamed(pieces) if is_streamed else pieces


class ReceivingResponse(Response):
    """The first half of an answer: a receiver gets the body, then `answer` makes the response that is sent."""

    def __init__(self, receiver: Receiver, answer: Callable[[], Response]) -> None:
        super().__init__()
        app: Any = current_app
        self._app: Flask = app._get_current_object()
        self._receiver = receiver
        self._answer = answer

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Return the receiver, in place of a body."""
        del start_response

        def finish(arrival: Arrival, start_response: Any) -> Any:
            environ[ARRIVAL_KEY] = arrival
            return self._finished(environ)(environ, start_response)

        return Receiving(self._receiver, finish)

    def _finished(self, environ: Any) -> Response:
        """Answer like the application does, with hooks and handlers of errors, but without running the view again."""
        app = self._app
        with app.request_context(environ):
            try:
                made = app.preprocess_request() or self._answer()
            except Exception as error:
                self._receiver.abandon()
                made = app.handle_user_exception(error)
            return app.finalize_request(made)


class UpgradeResponse(Response):
    """The end of a WebSocket handshake."""

    def __init__(self, upgrade: Upgrade) -> None:
        super().__init__(status=101)
        self.upgrade = upgrade

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Return the socket, in place of a body."""
        super().__call__(environ, start_response)
        return self.upgrade
