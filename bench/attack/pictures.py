"""Pictures that cost a careless server much: legal beginnings, then metadata without end."""

import io
import struct
import zlib

from PIL import Image


def jpeg_segments(size: int) -> bytes:
    """A JPEG with `size` bytes of tiny Exif segments."""
    return _jpeg_with((b"\xff\xe1" + struct.pack("!H", 18) + b"Exif\0\0" + b"x" * 10), size)


def jpeg_comments(size: int) -> bytes:
    """A JPEG with `size` bytes of empty comments."""
    return _jpeg_with(b"\xff\xfe\0\x02", size)


def png_profiles(size: int) -> bytes:
    """A PNG with `size` bytes of colour profiles that inflate to a thousand times as much."""
    profile = _chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(1024 * 1024), 9))
    return _png_with(profile, size)


def png_empty_chunks(size: int) -> bytes:
    """A PNG with `size` bytes of empty chunks."""
    return _png_with(_chunk(b"teSt", b""), size)


def gif_blocks(size: int) -> bytes:
    """A GIF with a comment of `size` bytes in blocks of one byte."""
    plain = _plain("GIF")
    return plain[:-1] + b"!\xfe" + b"\x01x" * (size // 2) + b"\0" + plain[-1:]


def large_png(_size: int) -> bytes:
    """A PNG of 39 megapixels of one colour."""
    found = io.BytesIO()
    Image.new("RGB", (6500, 6000)).save(found, "PNG", compress_level=9)
    return found.getvalue()


def photo(side: int = 64) -> bytes:
    """An ordinary small picture."""
    found = io.BytesIO()
    Image.effect_noise((side, side), 80).save(found, "PNG")
    return found.getvalue()


HOSTILE = (jpeg_segments, png_profiles, jpeg_comments, png_empty_chunks, gif_blocks, large_png)


def _plain(kind: str) -> bytes:
    found = io.BytesIO()
    Image.new("L", (8, 8)).save(found, kind)
    return found.getvalue()


def _jpeg_with(segment: bytes, size: int) -> bytes:
    plain = _plain("JPEG")
    return plain[:2] + segment * (size // len(segment)) + plain[2:]


def _png_with(chunk: bytes, size: int) -> bytes:
    plain = _plain("PNG")
    after_header = 8 + 25
    return plain[:after_header] + chunk * max(1, size // len(chunk)) + plain[after_header:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
