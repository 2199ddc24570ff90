"""gunicorn's threaded worker, with our own answer to what is not HTTP as it should be."""

import json
import socket
from typing import Any

from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

_STATUS = {
    errors.LimitRequestLine: "414 URI Too Long",
    errors.LimitRequestHeaders: "431 Request Header Fields Too Large",
    errors.ExpectationFailed: "417 Expectation Failed",
    errors.UnsupportedTransferCoding: "501 Not Implemented",
}


class ChatWorker(ThreadWorker):
    def handle_error(self, _req: Any, client: socket.socket, _addr: Any, exc: BaseException) -> None:
        """Answer in JSON, and log neither the request line nor headers: they may hold a token. Then it is closed."""
        if isinstance(exc, errors.ParseException):
            status = _STATUS.get(type(exc), "400 Bad Request")
            feedback = f"This is not a request we understand ({type(exc).__name__}): percent-encode the address."
            self.log.debug("unparsable request: %s", type(exc).__name__)
        else:
            status, feedback = "500 Internal Server Error", "The server made a mistake: try again."
            self.log.error("answering a request failed", exc_info=exc)
        body = json.dumps({"status": "failure", "feedback": feedback}).encode()
        head = (
            f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            write_nonblock(client, head.encode() + body)
        except OSError:
            self.log.debug("nobody is left to be told")
