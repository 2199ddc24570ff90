"""Parses JSON, also with a picture in it, without holding the GIL for long.

The standard parser looks at each character of a text in one call: 5 to 8 ms for a picture of 5 MB, in which no other
thread runs. A long text of Base64 is therefore cut out before and put back afterwards, 1 ms in several calls.
"""

import binascii
import json
import secrets
from collections.abc import Iterator
from typing import Any, NoReturn

import pybase64

LONG_TEXT = 64 * 1024  # characters
_MOST_TEXTS = 100  # that are looked at
_PREFIX_CHARS = 200  # of a data URL, before the Base64


def parse_json(raw: bytes | bytearray) -> Any:
    """Return the value. Raises ValueError, RecursionError."""
    given = raw
    if len(raw) > LONG_TEXT and b"\\" in raw and b"\\\\" not in raw:
        raw = raw.replace(b"\\/", b"/")  # some programs write Base64 so
    found = _base64_in(raw) if len(raw) > LONG_TEXT else None
    if found is not None:
        start, end = found
        mark = secrets.token_hex()
        value = parse_plainly(raw[:start] + mark.encode() + raw[end:])
        if _put_back(value, mark, str(memoryview(raw)[start:end], "ascii")):
            return value
    return parse_plainly(given)


def parse_plainly(raw: bytes | bytearray) -> Any:
    """Return the value, by the standard parser. Raises ValueError, RecursionError."""
    return _DECODER.decode(raw.decode("utf-8-sig"))


def _base64_in(raw: bytes | bytearray) -> tuple[int, int] | None:
    """Return where the longest text is, without a data URL's prefix; None if it is short, or not just Base64.

    Without escapes, quotation marks begin and end texts in turns.
    """
    if b"\\" in raw:
        return None
    start, end = max(_texts(raw), key=lambda text: text[1] - text[0], default=(0, 0))
    if end - start <= LONG_TEXT:
        return None
    start = raw.find(b",", start, start + _PREFIX_CHARS) + 1 or start
    try:
        pybase64.b64decode(memoryview(raw)[start:end], validate=True)
    except (binascii.Error, ValueError):
        return None
    return start, end


def _texts(raw: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Yield where the first texts begin and end."""
    end = -1
    for _ in range(_MOST_TEXTS):
        start = raw.find(b'"', end + 1) + 1
        end = raw.find(b'"', start) if start else -1
        if end < 0:
            return
        yield start, end


def _put_back(value: Any, mark: str, text: str) -> bool:
    """Put the text in the place of the mark, the end of a value in `value`; False if it is in none."""
    todo = [value]
    while todo:
        holder = todo.pop()
        places: Any = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for place, item in places:
            if isinstance(item, dict | list):
                todo.append(item)
            elif isinstance(item, str) and item.endswith(mark):
                prefix = item[: -len(mark)]
                holder[place] = prefix + text if prefix else text
                return True
    return False


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
