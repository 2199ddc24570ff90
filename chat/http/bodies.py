"""Request bodies (docs/specification.md, "Bad input")."""

import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NoReturn

from marshmallow import Schema, ValidationError
from werkzeug.formparser import FormDataParser

from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import declared
from chat.http.context import arrival, this_request
from chat.http.long_json import parse_json
from chat.lanes import Lane, enter_lane
from chat.server.ports import SHORT_MAX_BYTES, BodyNotReceived
from chat.services.messages import Draft

MOST_VALUES = 100_000  # approximate number of values in a body; a pull of 5,000 rooms has 10,000
BODY_FAILURES = {
    ErrorCode.BODY_MALFORMED,
    ErrorCode.BODY_TOO_LARGE,
    ErrorCode.FIELD_MISSING,
    ErrorCode.FIELD_INVALID,
}


def bound_body(long: Lane | None) -> None:
    """Read long bodies in this lane, or refuse them. Raises BODY_TOO_LARGE, WrongLane."""
    request = this_request()
    length = request.content_length or 0  # also known for chunked bodies, which chat.server passes on complete
    if length <= SHORT_MAX_BYTES:
        return
    arrived = arrival()
    is_unread = arrived is not None and arrived.body is None and length <= (request.max_content_length or length)
    if long is None or is_unread:
        raise ChatError(ErrorCode.BODY_TOO_LARGE, limit=SHORT_MAX_BYTES)
    enter_lane(long)


def json_object(long: Lane | None = None) -> dict[str, Any]:
    """Return the body as a JSON object; a missing body is an empty object.

    Ignores the Content-Type except multipart, because curl's -d declares a form. Bodies over 64 KiB are read only if
    `long` names a lane, and after authentication. Raises BODY_MALFORMED, BODY_TOO_LARGE (also through werkzeug's 413).
    """
    bound_body(long)
    request = this_request()
    if request.mimetype.startswith("multipart/"):
        raise ChatError(ErrorCode.BODY_MALFORMED, reason="multipart")
    arrived = arrival()
    if arrived is not None and arrived.body is not None:
        return parse_object(arrived.body)
    try:
        raw = request.get_data(cache=False)
    except (OSError, BodyNotReceived):
        raise ChatError(ErrorCode.BODY_MALFORMED, reason="broken off, or badly chunked") from None
    return parse_object(raw)


def parse_object(raw: bytes | bytearray) -> dict[str, Any]:
    """Parse bytes as a JSON object. Raises BODY_MALFORMED."""
    if not raw or raw.isspace():
        return {}
    # Text takes as much memory as it has bytes; a list of empty lists takes 30 times as much once parsed.
    # `in` takes a tenth of the time of `count`, where nothing is found.
    if sum(raw.count(mark) for mark in (b",", b"[", b"{") if mark in raw) > MOST_VALUES:
        raise ChatError(ErrorCode.BODY_MALFORMED, reason="too many values")
    try:
        value = parse_json(raw)
    except (ValueError, RecursionError):
        raise ChatError(ErrorCode.BODY_MALFORMED, reason="not JSON") from None
    if not isinstance(value, dict):
        raise ChatError(ErrorCode.BODY_MALFORMED, reason="no object")
    # NUL and lone surrogates can only come from escapes: JSON and UTF-8 do not allow them otherwise.
    if b"\\" in raw and b"\\u" in raw and not is_clean(value):
        raise ChatError(ErrorCode.BODY_MALFORMED, reason="NUL or lone surrogate")
    return value


def takes(schema: type[Schema], *, long: Lane | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: pass the body, loaded by the schema, as the last argument. Raises FIELD_MISSING, FIELD_INVALID.

    `long`: the lane for bodies over 64 KiB; None refuses them.
    """
    loader = schema()

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        declared(handler).body = schema
        declared(handler).has_long_body = long is not None
        declared(handler).failures |= BODY_FAILURES

        @wraps(handler)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return handler(*args, load(loader, json_object(long)), **kwargs)

        return wrapper

    return decorate


def load(schema: Schema, given: dict[str, Any]) -> dict[str, Any]:
    """Load a JSON object with the schema. Raises FIELD_MISSING, FIELD_INVALID."""
    try:
        loaded: dict[str, Any] = schema.load(given)
    except ValidationError as error:
        _refuse_fields(error, given)
    return loaded


def _refuse_fields(error: ValidationError, body: dict[str, Any]) -> NoReturn:
    """Raise the ChatError for the first field that the schema rejected."""
    messages: Any = error.messages
    field, inner = next(iter(messages.items()))
    present: Any = body
    while True:
        if not isinstance(present, dict) or field.rpartition(".")[2] not in present:
            raise ChatError(ErrorCode.FIELD_MISSING, field=field) from None
        if not isinstance(inner, dict):
            raise ChatError(ErrorCode.FIELD_INVALID, field=field) from None
        present = present[field.rpartition(".")[2]]
        key, inner = next(iter(inner.items()))
        if not isinstance(present, dict):
            raise ChatError(ErrorCode.FIELD_INVALID, field=field) from None
        field = f"{field}.{key}"


class _WholeForm(FormDataParser):
    """Raises ValueError for a form that is cut off, or has no boundary, instead of finding nothing in it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "silent": False})


def form_fields() -> dict[str, str]:
    """Return the fields of a form; its files are in `request.files` from then on. Raises BODY_MALFORMED."""
    request = this_request()
    request.form_data_parser_class = _WholeForm
    try:
        return request.form.to_dict()
    except UnicodeDecodeError:  # a name
        raise ChatError(ErrorCode.BODY_MALFORMED, reason="not UTF-8") from None
    except ValueError:
        raise ChatError(ErrorCode.BODY_MALFORMED, reason="no whole form") from None


def require_one(body: Mapping[str, Any], *names: str) -> None:
    """Raise FIELD_MISSING if all of these optional fields are absent: nothing is asked for."""
    if all(body[name] is None for name in names):
        raise ChatError(ErrorCode.FIELD_MISSING, field=" / ".join(names))


def draft_of(body: dict[str, Any], *, image: str) -> Draft:
    """Build a draft from a body with type, content and client_message_id.

    `image`: the protocol's type for pictures. Raises MESSAGE_TYPE_UNKNOWN.
    """
    about = {"client_message_id": body["client_message_id"], "reply_to_id": body.get("reply_to")}
    if body["type"] == "text":
        return Draft(text=body["content"], **about)
    if body["type"] == image:
        return Draft(image=body["content"], **about)
    raise ChatError(ErrorCode.MESSAGE_TYPE_UNKNOWN)


def is_clean(value: Any) -> bool:
    """Whether no text in a JSON value contains NUL or a lone surrogate. Iterative, because clients choose the depth."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if _UNCLEAN.search(item):
                return False
        elif isinstance(item, dict):
            todo.extend(item.keys())
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return True


_UNCLEAN = re.compile("[\0\ud800-\udfff]")
