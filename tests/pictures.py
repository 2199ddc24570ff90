"""Small pictures, made here."""

import io
import os

from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (3, 2), color: tuple[int, int, int] = (200, 30, 30)) -> bytes:
    """A picture of that kind, as bytes."""
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind)
    return buffer.getvalue()


def noise(size: int) -> bytes:
    """A PNG of about that many bytes: noise does not compress."""
    side = int((size / 3) ** 0.5)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
