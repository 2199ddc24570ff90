"""JPEG (ITU-T T.81): keeps the frame, tables, scans, colour profile and orientation; removes everything else."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from chat.pictures import exif
from chat.pictures.bounds import PROFILE_MAX_BYTES, NotAPicture, check_size

SIGNATURE = b"\xff\xd8\xff"
SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
APP0, APP1, APP2, APP14, COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive: those that browsers support
_TABLES = {0xC4, 0xDB, 0xDD}  # Huffman, quantization, restart interval
_LEFT_OUT = {*range(0xE0, 0xF0), COM}
# Phones that store a second picture or a depth map in APPn segments need about 80, a progressive scan two.
MOST_SEGMENTS = 256
MOST_SCANS = 64  # decoders process the whole picture once per scan; encoders write about ten

_MARKER = re.compile(rb"\xff++([^\x00\xff])")  # preceded by any number of fill bytes
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xff]")
_RESTARTS_AS_ZERO = bytes(0 if 0xD0 <= byte <= 0xD7 else byte for byte in range(256))


class _Segment(NamedTuple):
    marker: int
    payload: bytes
    scan: bytes = b""  # the entropy-coded data after a start-of-scan marker


def rewritten(data: bytes) -> tuple[bytes, int, int]:
    """Return the picture without metadata, its width and height. Raises NotAPicture."""
    jfif = adobe = b""
    turned: bytes | None = None  # b"": upright
    profile: list[bytes] = []
    picture: list[bytes] = []
    size: tuple[int, int] | None = None
    scans = 0
    for segment in _segments(data):
        marker, payload, scan = segment
        if marker in _FRAMES:
            if size is not None:
                raise NotAPicture("two frames")
            size = _frame_size(payload)
        elif marker == SOS:
            scans += 1
            if size is None or scans > MOST_SCANS:
                raise NotAPicture("too many scans")
        elif marker == APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14:
            jfif = _encoded(APP0, payload[:12] + b"\0\0")  # without a thumbnail
        elif marker == APP1 and payload.startswith(b"Exif\0\0") and turned is None:
            turned = _orientation(payload[6:])
        elif marker == APP2 and payload.startswith(b"ICC_PROFILE\0"):
            profile.append(_encoded(APP2, payload))
        elif marker == APP14 and payload.startswith(b"Adobe") and len(payload) >= 12:
            adobe = _encoded(APP14, payload[:12])  # selects the colour transform
        if marker in _LEFT_OUT:
            continue
        if marker not in _FRAMES | _TABLES | {SOS}:
            raise NotAPicture(f"marker {marker:#x}")
        picture += [_encoded(marker, payload), scan]
    if size is None or not scans:
        raise NotAPicture("no image data")
    kept_profile = profile if sum(map(len, profile)) <= PROFILE_MAX_BYTES else []
    return b"".join([b"\xff\xd8", jfif, turned or b"", *kept_profile, adobe, *picture, b"\xff\xd9"]), *size


def _segments(data: bytes) -> Iterator[_Segment]:
    """Yield the segments up to the end of the picture, ignoring later bytes. Raises NotAPicture."""
    # Mask restart markers and stuffed bytes: 5 MB of them would take a regular expression 0.2 s.
    searched = data.translate(_RESTARTS_AS_ZERO).replace(b"\xff\0", b"\0\0")
    at = 2
    for _ in range(MOST_SEGMENTS):
        found = _MARKER.match(data, at)
        if found is None:
            raise NotAPicture("missing marker")
        marker, start = found[1][0], found.end()
        if marker == EOI:
            return
        at = start + int.from_bytes(data[start : start + 2])
        if at < start + 2 or at > len(data):
            raise NotAPicture("invalid segment length")
        payload = data[start + 2 : at]
        if marker != SOS:
            yield _Segment(marker, payload)
            continue
        end = _END_OF_SCAN.search(searched, at)
        if end is None:
            raise NotAPicture("truncated within a scan")
        yield _Segment(marker, payload, data[at : end.start()])
        at = end.start()
    raise NotAPicture("too many segments")


def _frame_size(payload: bytes) -> tuple[int, int]:
    components = payload[5] if len(payload) > 5 else 0
    if components not in (1, 3, 4) or len(payload) != 6 + 3 * components or payload[0] != 8:
        raise NotAPicture("invalid frame header")
    height, width = int.from_bytes(payload[1:3]), int.from_bytes(payload[3:5])
    check_size(width, height)
    return width, height


def _orientation(tiff: bytes) -> bytes:
    """Return a segment that contains only the orientation, or nothing if the picture is upright."""
    found = exif.orientation(tiff)
    return b"" if found == exif.UPRIGHT else _encoded(APP1, b"Exif\0\0" + exif.only(found))


def _encoded(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2) + payload
