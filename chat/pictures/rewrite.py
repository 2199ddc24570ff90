"""Rewrites uploaded pictures: the same pixels without metadata.

Nothing is decoded here. The work is a bounded number of slices and searches in C, so that hostile bytes cost about as
much as copying them.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from chat.pictures import gif, jpeg, png, webp
from chat.pictures.bounds import NotAPicture

_PIECE_CHARS = 64 * 1024  # decoded in one call, which holds the GIL
_DATA_URL = re.compile(r"\Adata:[\w.+/-]*(?:;[\w.+=-]+)*;base64,", re.ASCII)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture without metadata. Its structure is valid; only a decoder can tell whether the pixels decode."""

    data: bytes
    media_type: str
    width: int
    height: int
    is_animated: bool


def rewritten(data: bytes) -> Picture:
    """Remove metadata from a PNG, JPEG, GIF or WebP picture. Raises NotAPicture.

    Keeps pixels, animation, transparency, colour profile (1 MiB at most), gamma and orientation.
    """
    if data.startswith(jpeg.SIGNATURE):
        kept, width, height = jpeg.rewritten(data)
        return Picture(kept, "image/jpeg", width, height, is_animated=False)
    if data.startswith(png.SIGNATURE):
        kept, width, height = png.rewritten(data)
        return Picture(kept, "image/png", width, height, png.is_animated(kept))
    if data.startswith(gif.SIGNATURES):
        return Picture(*_typed(gif.rewritten(data), "image/gif"))
    if webp.is_webp(data):
        return Picture(*_typed(webp.rewritten(data), "image/webp"))
    raise NotAPicture("unsupported format")


def _typed(found: tuple[bytes, int, int, bool], media_type: str) -> tuple[bytes, str, int, int, bool]:
    data, width, height, is_animated = found
    return data, media_type, width, height, is_animated


def from_text(text: str) -> bytes:
    """Decode Base64 or a data URL, tolerating white space and missing padding. Raises NotAPicture."""
    prefix = _DATA_URL.match(text[:200])
    decoded: list[bytes] = []
    rest = b""
    try:
        for start in range(prefix.end() if prefix else 0, len(text), _PIECE_CHARS):
            rest += text[start : start + _PIECE_CHARS].encode("ascii").translate(None, b" \t\r\n\v\f")
            whole = max(0, len(rest) - 4) // 4 * 4  # padding may only occur in the last four
            if b"=" in rest[:whole]:
                raise NotAPicture("not Base64")
            decoded.append(base64.b64decode(rest[:whole], validate=True))
            rest = rest[whole:]
        decoded.append(base64.b64decode(rest + b"=" * (-len(rest) % 4), validate=True))
    except (binascii.Error, ValueError):
        raise NotAPicture("not Base64") from None
    return b"".join(decoded)
