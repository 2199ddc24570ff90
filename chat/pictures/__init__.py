"""Untrusted pictures: bytes in, bytes out. Knows no database and no protocol.

rewrite.py   removes metadata with bounded readers: jpeg.py, png.py, gif.py, webp.py, exif.py
    decoder.py   decodes pixels and scales pictures, by Pillow in a child process
    child.py     the child process; wire.py: the protocol between the two
"""

from chat.pictures.bounds import MAX_PIXELS, MOST_PIXELS_DECODED, NotAPicture
from chat.pictures.decoder import Decoder, DecoderUnavailable
from chat.pictures.rewrite import Picture, from_text, is_begun_by, rewritten

__all__ = [
    "MAX_PIXELS",
    "MOST_PIXELS_DECODED",
    "Decoder",
    "DecoderUnavailable",
    "NotAPicture",
    "Picture",
    "from_text",
    "is_begun_by",
    "rewritten",
]
