"""Pictures of 5 MB that are made to be expensive."""

import zlib
from collections.abc import Callable

from tests.pictures import gif_extension, jpeg_segment, picture, png_chunk, riff_chunk

BYTES = 5_000_000


def filled(before: bytes, piece: bytes, after: bytes) -> bytes:
    return before + piece * ((BYTES - len(before) - len(after)) // len(piece)) + after


def jpeg_of_small_exif() -> bytes:
    data = picture("JPEG")
    return filled(data[:2], jpeg_segment(0xE1, b"Exif\0\0" + bytes(10)), data[2:])


def jpeg_of_comments() -> bytes:
    data = picture("JPEG")
    return filled(data[:2], jpeg_segment(0xFE, b""), data[2:])


def jpeg_of_padding() -> bytes:
    data = picture("JPEG")
    return filled(data[:2], b"\xff", data[2:])


def jpeg_of_endless_padding() -> bytes:
    return filled(picture("JPEG")[:2], b"\xff", b"")


def jpeg_of_stuffing() -> bytes:
    data = picture("JPEG")
    return filled(data[:-2], b"\xff\0", data[-2:])


def jpeg_of_restarts() -> bytes:
    data = picture("JPEG")
    return filled(data[:-2], b"\xff\xd0", data[-2:])


def jpeg_of_scans() -> bytes:
    data = picture("JPEG")
    scan = data[data.index(b"\xff\xda") : -2]
    return filled(data[:-2], scan, data[-2:])


def png_of_profiles() -> bytes:
    data = picture("PNG")
    return filled(data[:33], png_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(1_000_000))), data[33:])


def png_of_texts() -> bytes:
    data = picture("PNG")
    return filled(data[:33], png_chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(1_000_000))), data[33:])


def png_of_empty_chunks() -> bytes:
    data = picture("PNG")
    return filled(data[:33], png_chunk(b"teSt", b""), data[33:])


def png_of_empty_data() -> bytes:
    data = picture("PNG")
    return filled(data[:33], png_chunk(b"IDAT", b""), data[33:])


def gif_of_small_sub_blocks() -> bytes:
    data = picture("GIF")
    start = data.index(b",")  # behind the colour table
    return data[:start] + gif_extension(0xFE, bytes(BYTES // 2), 1) + data[start:]


def gif_of_small_frames() -> bytes:
    data = picture("GIF", size=(1, 1))
    frame = data[data.index(b",") : -1]
    return filled(data[:-1], frame, b";")


def gif_of_empty_extensions() -> bytes:
    data = picture("GIF")
    return filled(data[:-1], b"\x21\xfe\0", data[-1:])


def webp_of_empty_chunks() -> bytes:
    body = filled(b"WEBP" + riff_chunk(b"VP8X", bytes(10)), riff_chunk(b"EXIF", b""), b"")
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def webp_of_empty_frame_parts() -> bytes:
    frame = riff_chunk(b"ANMF", filled(bytes(16), riff_chunk(b"junk", b""), b""))
    body = b"WEBP" + riff_chunk(b"VP8X", b"\2" + bytes(9)) + frame
    return b"RIFF" + len(body).to_bytes(4, "little") + body


ATTACKS: list[Callable[[], bytes]] = [
    jpeg_of_small_exif, jpeg_of_comments, jpeg_of_padding, jpeg_of_endless_padding, jpeg_of_stuffing, jpeg_of_restarts,
    jpeg_of_scans, png_of_profiles, png_of_texts, png_of_empty_chunks, png_of_empty_data, gif_of_small_sub_blocks,
    gif_of_small_frames, gif_of_empty_extensions, webp_of_empty_chunks, webp_of_empty_frame_parts,
]  # fmt: skip
