"""Answers that are sent in parts, as the client reads them."""

from flask import Response, request

from chat.server.ports import ENVIRON_KEY, Hold


def as_read(response: Response) -> Response:
    """Have the body's parts fetched as the client reads, so that a slow client occupies little memory."""
    hold: Hold | None = request.environ.get(ENVIRON_KEY)
    if hold is not None and response.status_code in (200, 206) and request.method == "GET":
        hold.streams = True
    return response
