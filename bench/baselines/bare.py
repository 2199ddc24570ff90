"""As little as a send can be: the body is read, and an answer is given. What is left is gunicorn's own."""

from collections.abc import Callable, Iterable
from typing import Any

_ANSWER = b'{"status":"success","feedback":"Sent."}\n'
_HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(_ANSWER)))]


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", _HEADERS)
    return [_ANSWER]
