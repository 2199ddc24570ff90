"""The CPU of a request, line or frame, against a loop of known work (security review, finding 10).

Before log-in 30 ms for each 64 KiB begun, after it 100 ms: on a machine on which `_unit` takes 10 ms. On a slower one,
or one that is shared, the unit grows with the requests.
"""

import json
import time
from collections.abc import Callable

KIB = 1024
FULL = 60 * KIB  # maximum size of a body or line anywhere
BEFORE, AFTER = 3, 10  # units for each 64 KiB begun
ACCENTS = "a" + "\u0301\u0323" * 197  # 395 characters that normalising has to sort
TRIES = 4  # the first one fills caches


def costs_at_most(units: int, ask: Callable[[], object], size: int) -> bool:
    """Whether one of a few tries costs so little, for each 64 KiB begun."""
    bound = units * (1 + size // (64 * KIB))
    for _ in range(TRIES):
        began = time.process_time()
        ask()
        spent = time.process_time() - began
        if spent < bound * 0.005:  # the unit of no machine is shorter
            return True
        if spent / _unit() < bound:
            return True
    return False


def _unit() -> float:
    """The CPU seconds of a fixed amount of work: parsing and building JSON."""
    began = time.process_time()
    for _ in range(10):
        json.dumps(json.loads("[" + "123456789," * 8_000 + "0]"))
    return time.process_time() - began


def padded(head: str, tail: str, filling: str, size: int = FULL) -> bytes:
    """JSON of about that many bytes."""
    room = size - len(head.encode()) - len(tail.encode())
    return (head + filling * (room // len(filling.encode())) + tail).encode()


# JSON values to place between two others instead of a text.
VALUES = {
    "one escape in a long text": ('"\\u0041', "é", '"'),
    "escapes alone": ('"', "\\u00e9", '"'),
    "pairs of surrogates": ('"', "\\ud83d\\ude00", '"'),
    "halves of pairs": ('"', "\\udc00", '"'),
    "not JSON at the end": ('"', "a", ""),
    "deep lists": ("", "[", ""),
    "deep lists that end": ("[" * 10_000, "[[]],", "0" + "]" * 10_000),
    "deep objects": ("", '{"a":', ""),
    "a long number": ("", "1", ""),
    "a long number after a point": ("0.", "1", ""),
    "a long negative number": ("-", "9", ""),
    "a long number as text": ('"', "9", '"'),
    "long exponents": ("[", "1e999,", "0]"),
    "numbers that are nearly too long": ("[", "9" * 4299 + ",", "0]"),
    "many empty lists": ("[", "[],", "[]]"),
    "many ids": ("[", "7,", "7]"),
    "many texts": ("[", '"",', '""]'),
    "accents": ('"a', "\u0323\u0301", '"'),
    "a letter that normalises to 18": ('"', "\ufdfa", '"'),
    "what shows as nothing": ('"', "\u200b", '"'),
    "capital letters that grow": ('"', "\u0130", '"'),
    "spaces": ('"', " ", 'x"'),
    "white space": ("", " ", "0"),
}


def object_with(field: str, value: str, others: dict[str, str], size: int = FULL) -> bytes:
    """A JSON object of about that many bytes: a field has this one of VALUES, others have what stands here as JSON."""
    known = "".join(f'"{name}":{text},' for name, text in others.items() if name != field)
    head, filling, tail = VALUES[value]
    return padded(f'{{{known}"{field}":{head}', tail + "}", filling, size)
