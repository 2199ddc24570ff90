"""Compact JSON in UTF-8, and lists bounded by the size of an answer."""

import json
from collections.abc import Iterable
from typing import Any

from chat.services.pulls import ANSWER_MAX_BYTES

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def compact(value: Any) -> bytes:
    """Encode the value as compact JSON."""
    return _encode(value).encode()


def fitting(pieces: Iterable[bytes], most: int | None = None) -> list[bytes]:
    """Return as many of the first pieces as fit into an answer (of `most` bytes, or 8 MiB), but at least one."""
    kept: list[bytes] = []
    size = 0
    most = ANSWER_MAX_BYTES if most is None else most
    for piece in pieces:
        size += len(piece)
        if kept and size > most:
            break
        kept.append(piece)
    return kept
