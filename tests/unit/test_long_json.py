"""JSON with a picture in it is parsed as all JSON is, but the picture is not looked at character by character."""

import base64
import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from chat.http import long_json
from chat.http.long_json import LONG_TEXT, parse_json, parse_plainly

PICTURE = base64.b64encode(os.urandom(LONG_TEXT // 3 * 3)).decode()
CUT: dict[str, Any] = {
    "an object": {"content": PICTURE},
    "a list": [1, [PICTURE], 2],
    "deep inside": {"a": [{"b": {"c": [0, {"d": PICTURE}]}}], "e": None},
    "a data URL": {"content": "data:image/png;base64," + PICTURE, "type": "image"},
    "after other texts": {"roomname": "physics", "new_message": {"type": "img", "content": PICTURE}, "x": ""},
    "the longer one of two": {"a": PICTURE, "b": PICTURE + PICTURE},
}
PLAIN: dict[str, Any] = {
    "a short text": {"content": "x"},
    "no Base64": {"content": "ä" + PICTURE},
    "white space in it": {"content": PICTURE[:1000] + " " + PICTURE[1000:]},
    "backslashes": {"content": PICTURE, "name": "a\\/b"},
    "escapes": {"content": PICTURE, "roomname": 'a"b'},
    "a name of a field": {PICTURE: 1},
    "a text alone": PICTURE,
    "too late": {"names": ["x"] * 100, "content": PICTURE},
}


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what the standard parser has looked at."""
    sizes: list[int] = []

    def parse(raw: bytes) -> Any:
        sizes.append(len(raw))
        return parse_plainly(raw)

    monkeypatch.setattr(long_json, "parse_plainly", parse)
    return sizes


DUMPS: list[Callable[[Any], str]] = [
    json.dumps,
    lambda value: json.dumps(value, indent=1),
    lambda value: "\ufeff" + json.dumps(value),
    lambda value: json.dumps(value).replace("/", "\\/"),
]


@pytest.mark.parametrize("dump", DUMPS)
@pytest.mark.parametrize("what", CUT)
def test_a_picture_is_put_back_where_it_was(parsed: list[int], what: str, dump: Callable[[Any], str]) -> None:
    raw = dump(CUT[what]).encode()
    assert parse_json(raw) == CUT[what]
    assert parsed == [parsed[0]]
    assert parsed[0] < len(raw) - LONG_TEXT


@pytest.mark.parametrize("what", PLAIN)
def test_all_else_is_parsed_plainly(parsed: list[int], what: str) -> None:
    raw = json.dumps(PLAIN[what], ensure_ascii=False).encode()
    assert parse_json(raw) == PLAIN[what]
    assert parsed[-1] == len(raw)


@pytest.mark.parametrize(
    "raw",
    [
        f'{{"a":"{PICTURE}"',
        f'{{"a":"{PICTURE}',
        f'{{"a":"{PICTURE}"b}}',
        f'{{"a":"data:\n,{PICTURE}"}}',
        f'{{"a":"{PICTURE[:1000]}\n{PICTURE[1000:]}"}}',
        f'{{"a":"{PICTURE}","b":NaN}}',
        f'"{PICTURE}" "{PICTURE}"',
        "[" * 100_000 + f'"{PICTURE}"',
    ],
)
def test_what_is_no_json_is_refused(raw: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        parse_json(raw.encode())
