"""WebP (RFC 9649): keeps picture, animation, colour profile and orientation; removes everything else."""

from collections.abc import Iterator

from chat.pictures import exif
from chat.pictures.bounds import PROFILE_MAX_BYTES, NotAPicture, check_size

MOST_CHUNKS = 10_000  # including those within frames
_ANIMATION, _EXIF, _XMP, _PROFILE = 0x02, 0x08, 0x04, 0x20  # flags of VP8X
_IN_FRAMES = (b"ALPH", b"VP8 ", b"VP8L")


def is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def rewritten(data: bytes) -> tuple[bytes, int, int, bool]:
    """Return the picture without metadata, its width and height, and whether it is animated. Raises NotAPicture."""
    return _Reader().read(data)


class _Reader:
    def __init__(self) -> None:
        self._chunks = MOST_CHUNKS  # remaining

    def read(self, data: bytes) -> tuple[bytes, int, int, bool]:
        end = 8 + int.from_bytes(data[4:8], "little")
        if end > len(data):
            raise NotAPicture("truncated")
        chunks = list(self._parts(data, 12, end))
        if not chunks:
            raise NotAPicture("no image data")
        kind, payload = chunks[0]
        if kind == b"VP8X":
            width, height = _canvas(payload)
            flags, kept = self._extended(chunks, width, height)
            first = _encoded(b"VP8X", bytes((flags, 0, 0, 0)) + payload[4:10])
        else:
            width, height = _bitstream_size(kind, payload)
            flags, kept, first = 0, [], _encoded(kind, payload)
        check_size(width, height)
        body = b"".join([b"WEBP", first, *kept])
        return b"RIFF" + len(body).to_bytes(4, "little") + body, width, height, bool(flags & _ANIMATION)

    def _extended(self, chunks: list[tuple[bytes, bytes]], width: int, height: int) -> tuple[int, list[bytes]]:
        """Return VP8X's flags and the chunks after it."""
        given = chunks[0][1][0]
        is_animated = bool(given & _ANIMATION)
        flags = given & ~(_EXIF | _XMP | _PROFILE)
        kept: list[bytes] = []
        shown = 0
        orientation = exif.UPRIGHT
        for kind, payload in chunks[1:]:
            if kind == b"ICCP" and not flags & _PROFILE and not shown and len(payload) <= PROFILE_MAX_BYTES:
                flags |= _PROFILE
                kept.append(_encoded(kind, payload))
            elif kind == b"EXIF" and orientation == exif.UPRIGHT:
                orientation = exif.orientation(payload.removeprefix(b"Exif\0\0"))
            elif is_animated and kind == b"ANIM" and len(payload) == 6 and not shown:
                kept.append(_encoded(kind, payload))
            elif is_animated and kind == b"ANMF":
                shown += 1
                kept.append(_encoded(kind, self._frame(payload, width, height)))
            elif not is_animated and kind in _IN_FRAMES and not shown:
                if kind != b"ALPH":
                    shown += 1
                    if _bitstream_size(kind, payload) != (width, height):
                        raise NotAPicture("two sizes")
                kept.append(_encoded(kind, payload))
        if not shown:
            raise NotAPicture("no image data")
        if orientation != exif.UPRIGHT:
            flags |= _EXIF
            kept.append(_encoded(b"EXIF", exif.only(orientation)))
        return flags, kept

    def _frame(self, payload: bytes, width: int, height: int) -> bytes:
        """Return an animation frame that contains only its picture."""
        kept = [payload[:16]]
        sizes: list[tuple[int, int]] = []
        for kind, inner in self._parts(payload, 16, len(payload)):
            if kind in _IN_FRAMES and not sizes:
                kept.append(_encoded(kind, inner))
                if kind != b"ALPH":
                    sizes.append(_bitstream_size(kind, inner))
        if len(payload) < 16 or sizes != [(_24_bits(payload, 6) + 1, _24_bits(payload, 9) + 1)]:
            raise NotAPicture("a frame without a picture of its size")
        if 2 * _24_bits(payload, 0) + sizes[0][0] > width or 2 * _24_bits(payload, 3) + sizes[0][1] > height:
            raise NotAPicture("a frame beyond the canvas")
        return b"".join(kept)

    def _parts(self, data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
        while at < end:
            self._chunks -= 1
            if self._chunks < 0:
                raise NotAPicture("too many chunks")
            start = at + 8
            size = int.from_bytes(data[at + 4 : start], "little")
            if start + size > end:
                raise NotAPicture("truncated")
            yield data[at : at + 4], data[start : start + size]
            at = start + size + size % 2


def _canvas(payload: bytes) -> tuple[int, int]:
    if len(payload) != 10:
        raise NotAPicture("invalid header")
    width, height = _24_bits(payload, 4) + 1, _24_bits(payload, 7) + 1
    check_size(width, height)
    return width, height


def _bitstream_size(kind: bytes, payload: bytes) -> tuple[int, int]:
    if kind == b"VP8 " and len(payload) >= 10 and not payload[0] & 1 and payload[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(payload[6:8], "little") & 0x3FFF, int.from_bytes(payload[8:10], "little") & 0x3FFF
    if kind == b"VP8L" and len(payload) >= 5 and payload[0] == 0x2F:
        bits = int.from_bytes(payload[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise NotAPicture("missing picture")


def _24_bits(payload: bytes, at: int) -> int:
    return int.from_bytes(payload[at : at + 3], "little")


def _encoded(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "little") + payload + bytes(len(payload) % 2)
