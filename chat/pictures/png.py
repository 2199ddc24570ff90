"""PNG and APNG: keeps the chunks that affect the image; removes everything else."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from chat.pictures import exif
from chat.pictures.bounds import PROFILE_MAX_BYTES, NotAPicture, check_size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_CHUNKS = 8192  # 5 MiB in the 4 KiB chunks of the most wasteful encoders need 1,300
MOST_CHUNKS_BEFORE_DATA = 64
_HEAD = struct.Struct(">I4s")
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}  # by colour type
# Chunks that are kept once, with the sizes that the standard allows.
_ONCE: dict[bytes, range] = {
    b"PLTE": range(3, 769, 3),
    b"tRNS": range(1, 257),
    b"gAMA": range(4, 5),
    b"cHRM": range(32, 33),
    b"sRGB": range(1, 2),
    b"cICP": range(4, 5),
    b"sBIT": range(1, 5),
    b"bKGD": range(1, 7),
    b"pHYs": range(9, 10),
    b"acTL": range(8, 9),
}


class _Chunk(NamedTuple):
    kind: bytes
    payload: bytes
    whole: memoryview  # including length and checksum


def rewritten(data: bytes) -> tuple[bytes, int, int]:
    """Return the picture without metadata, its width and height. Raises NotAPicture."""
    kept: list[bytes | memoryview] = [SIGNATURE]
    seen: set[bytes] = set()
    size: tuple[int, int] | None = None
    for position, (kind, payload, whole) in enumerate(_chunks(data)):
        if (position == 0) != (kind == b"IHDR"):
            raise NotAPicture("misplaced header")
        if position > MOST_CHUNKS_BEFORE_DATA and b"IDAT" not in seen:
            raise NotAPicture("too many chunks before the data")
        if kind == b"IHDR":
            size = _header_size(payload)
            kept.append(whole)
        elif kind in (b"IDAT", b"fdAT") or (kind == b"fcTL" and len(payload) == 26):
            kept.append(whole)
        elif kind == b"IEND":
            kept.append(_encoded(b"IEND", b""))
        elif kind in seen:
            continue
        elif _is_kept_once(kind, payload):
            kept.append(whole)
        elif kind == b"eXIf":
            orientation = exif.orientation(payload.removeprefix(b"Exif\0\0"))
            if orientation != exif.UPRIGHT:
                kept.append(_encoded(b"eXIf", exif.only(orientation)))
        elif not kind[0] & 0x20:  # an unknown critical chunk
            raise NotAPicture(f"chunk {kind!r}")
        seen.add(kind)
    if size is None or b"IDAT" not in seen:
        raise NotAPicture("no image data")
    return b"".join(kept), *size


def is_animated(data: bytes) -> bool:
    """Whether a rewritten PNG is animated."""
    return b"acTL" in data[: data.find(b"IDAT")]


def _chunks(data: bytes) -> Iterator[_Chunk]:
    """Yield the chunks up to IEND, ignoring later bytes. Raises NotAPicture."""
    view = memoryview(data)
    at = len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        end = at + 12
        if end > len(data):
            raise NotAPicture("truncated")
        length, kind = _HEAD.unpack_from(data, at)
        end += length
        if end > len(data) or zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end]):
            raise NotAPicture("truncated or damaged")
        is_data = kind in (b"IDAT", b"fdAT")
        yield _Chunk(kind, b"" if is_data else data[at + 8 : end - 4], view[at:end])
        if kind == b"IEND":
            return
        at = end
    raise NotAPicture("too many chunks")


def _header_size(payload: bytes) -> tuple[int, int]:
    if len(payload) != 13:
        raise NotAPicture("invalid header")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", payload)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise NotAPicture("invalid colour type")
    check_size(width, height)
    return width, height


def _is_kept_once(kind: bytes, payload: bytes) -> bool:
    return _is_bounded_profile(payload) if kind == b"iCCP" else len(payload) in _ONCE.get(kind, ())


def _is_bounded_profile(payload: bytes) -> bool:
    """Whether the profile is a name, a zero, method 0, and one zlib stream of at most PROFILE_MAX_BYTES inflated."""
    name_end = payload.find(b"\0", 0, 80)
    if name_end < 1 or payload[name_end + 1 : name_end + 2] != b"\0":
        return False
    inflater = zlib.decompressobj()
    try:
        inflater.decompress(payload[name_end + 2 :], PROFILE_MAX_BYTES)
    except zlib.error:
        return False
    return inflater.eof and not inflater.unused_data


def _encoded(kind: bytes, payload: bytes) -> bytes:
    return len(payload).to_bytes(4) + kind + payload + zlib.crc32(kind + payload).to_bytes(4)
