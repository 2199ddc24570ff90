"""Rewrites uploaded pictures: the same pixels without metadata.

Nothing is decoded here. The work is a bounded number of slices and searches in C, so that hostile bytes cost about as
much as copying them.
"""

import binascii
import re
from dataclasses import dataclass

import pybase64

from chat.pictures import exif, gif, jpeg, png, webp
from chat.pictures.bounds import NotAPicture

_QUARTER_TURNS = [exif.only(orientation) for orientation in range(5, 9)]
_DATA_URL = re.compile(r"\Adata:[\w.+/-]*(?:;[\w.+=-]+)*;base64,", re.ASCII)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture without metadata. Its structure is valid; only a decoder can tell whether the pixels decode."""

    data: bytes
    media_type: str
    width: int
    height: int
    is_animated: bool

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height as shown: the orientation may turn the picture by a quarter."""
        is_turned = any(each in self.data for each in _QUARTER_TURNS)
        return (self.height, self.width) if is_turned else (self.width, self.height)


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


def is_begun_by(data: bytes) -> bool:
    """Whether a file that begins with these bytes would be a picture of a supported format."""
    return data.startswith((jpeg.SIGNATURE, png.SIGNATURE, *gif.SIGNATURES)) or webp.is_webp(data)


def _typed(found: tuple[bytes, int, int, bool], media_type: str) -> tuple[bytes, str, int, int, bool]:
    data, width, height, is_animated = found
    return data, media_type, width, height, is_animated


def from_text(text: str) -> bytes:
    """The bytes of Base64, also as a data URL; white space and missing padding do no harm. Raises NotAPicture."""
    prefix = _DATA_URL.match(text[:200])
    try:
        encoded = memoryview(text.encode("ascii"))[prefix.end() if prefix else 0 :]
        try:
            return pybase64.b64decode(encoded, validate=True)
        except binascii.Error:  # removing white space takes ten times as long as decoding
            compact = bytes(encoded).translate(None, b" \t\r\n\v\f")
            return pybase64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise NotAPicture("not Base64") from None
