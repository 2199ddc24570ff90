"""JSON without spaces, as UTF-8; and as much of a list as one answer may hold."""

import json
from collections.abc import Iterable
from typing import Any

from chat.services.pulls import ANSWER_MAX_BYTES

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def compact(value: Any) -> bytes:
    """The value as JSON."""
    return _encode(value).encode()


def fitting(pieces: Iterable[bytes]) -> list[bytes]:
    """The first of the pieces, as many as an answer may have (8 MiB), but at least one."""
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if kept and size > ANSWER_MAX_BYTES:
            break
        kept.append(piece)
    return kept
