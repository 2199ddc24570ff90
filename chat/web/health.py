"""/healthz answered on the event loop (chat.server), without a thread or the database."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response

from chat import __version__
from chat.errors import ChatError, ErrorCode
from chat.http import envelopes
from chat.http.context import EXTENSION
from chat.http.finishing import harden
from chat.http.overload import RETRY_AFTER
from chat.services import Services

OK = f'{{"status":"ok","version":"{__version__}"}}\n'


def on_loop(app: Flask) -> Callable[[Any, Any], Iterable[bytes]]:
    """Return a WSGI application that answers like the view."""
    services: Services = app.extensions[EXTENSION]
    well = harden(Response(OK, mimetype="application/json"))
    failure = ChatError(ErrorCode.UNAVAILABLE, retry_after=RETRY_AFTER)
    unwell = harden(envelopes.answer_at(app, "/healthz", failure))

    def answer(environ: Any, start_response: Any) -> Iterable[bytes]:
        return (well if services.health.is_well else unwell)(environ, start_response)

    return answer
