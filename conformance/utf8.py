"""Byte sequences that are, or only look like, UTF-8, numbered as in the Autobahn suite (6.5 to 6.23).

The sequences are those of Markus Kuhn's "UTF-8 decoder capability and stress test".
"""

from collections.abc import Iterator

_GREEK = "κ\u1f79σμε".encode()
_UNFINISHED = [
    b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xfc\x80\x80\x80\x80",
    b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xfb\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf",
]  # fmt: skip
_HIGH = ["\ud800", "\udb7f", "\udb80", "\udbff"]
_LOW = ["\udc00", "\udfff"]


def _surrogates(text: str) -> bytes:
    return b"".join(one.encode("utf-8", "surrogatepass") for one in text)


_GROUPS: list[tuple[str, list[bytes]]] = [
    ("valid text", [b"hello$world", "hello¢world".encode(), "hello€world".encode(), "hello𤭢world".encode(), _GREEK]),
    ("a prefix of valid text", [_GREEK[:end] for end in range(1, len(_GREEK) + 1)]),
    ("the first character of a length", [chr(code).encode() for code in (0, 0x80, 0x800, 0x10000)]),
    ("the first of five, of six bytes", [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]),
    ("the last character of a length", [chr(code).encode() for code in (0x7F, 0x7FF, 0xFFFF, 0x10FFFF)]),
    ("the last of four to six bytes", [b"\xf7\xbf\xbf\xbf", b"\xfb" + b"\xbf" * 4, b"\xfd" + b"\xbf" * 5]),
    (
        "a boundary",
        [*(chr(code).encode() for code in (0xD7FF, 0xE000, 0xFFFD, 0x10FFFF)), b"\xf4\x90\x80\x80"],
    ),
    (
        "unexpected continuation bytes",
        [b"\x80", b"\xbf", *((b"\x80\xbf" * 3)[:length] for length in range(2, 7)), bytes(range(0x80, 0xBF))],
    ),
    (
        "lonely start bytes",
        [
            b"".join(bytes([byte, 0x20]) for byte in range(*bounds))
            for bounds in ((0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD))
        ],
    ),
    ("the last byte missing", _UNFINISHED),
    ("unfinished sequences in a row", [b"".join(_UNFINISHED)]),
    ("impossible bytes", [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]),
    ("a slash written too long", [start + b"\xaf" for start in _UNFINISHED[:5]]),
    (
        "the longest of what is too long",
        [b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf"],
    ),
    ("NUL written too long", [start + b"\x80" for start in _UNFINISHED[:5]]),
    ("a surrogate", [_surrogates(one) for one in (*_HIGH, "\udc00", "\udf80", "\udfff")]),
    ("a pair of surrogates", [_surrogates(high + low) for high in _HIGH for low in _LOW]),
    (
        "a non-character, which is valid",
        [chr(plane * 0x10000 + code).encode() for plane in range(17) for code in (0xFFFE, 0xFFFF)],
    ),
    ("a special character", [chr(code).encode() for code in range(0xFFF9, 0x10000)]),
]


def sequences() -> Iterator[tuple[str, str, bytes, bool]]:
    """Yield the suite's number, a description, the bytes, and whether they are UTF-8."""
    for group, (about, found) in enumerate(_GROUPS, 5):
        for number, data in enumerate(found, 1):
            yield f"6.{group}.{number}", about, data, _is_valid(data)


def _is_valid(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
