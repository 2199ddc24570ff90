"""The minimal send: reads the body and answers. The rest is gunicorn's own cost."""

from collections.abc import Callable, Iterable
from typing import Any

_ANSWER = b'{"status":"success","feedback":"Sent."}\n'
_HEADERS = [("Content-Type", "application/json"), ("Content-Length", str(len(_ANSWER)))]


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", _HEADERS)
    return [_ANSWER]
