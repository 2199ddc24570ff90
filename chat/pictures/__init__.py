"""Pictures from strangers: bytes in, bytes out. Knows no database and no protocol.

rewrite.py   the picture without metadata, by our own bounded readers: jpeg.py, png.py, gif.py, webp.py, exif.py
decoder.py   whether the pixels decode, and small versions, by Pillow in a process of its own
child.py     that process; wire.py: how the two talk
"""

from chat.pictures.bounds import MAX_PIXELS, NotAPicture
from chat.pictures.decoder import Decoder, DecoderUnavailable
from chat.pictures.rewrite import Picture, from_text, rewritten

__all__ = ["MAX_PIXELS", "Decoder", "DecoderUnavailable", "NotAPicture", "Picture", "from_text", "rewritten"]
