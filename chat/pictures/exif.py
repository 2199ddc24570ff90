"""EXIF orientation, the only metadata needed to show a picture correctly."""

import struct

UPRIGHT = 1
_ORIENTATION, _SHORT = 0x0112, 3
_MOST_TAGS = 128  # tags examined; cameras write about 15 here
_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}


def orientation(tiff: bytes) -> int:
    """Return the orientation, 1 to 8, from EXIF data without its "Exif\\0\\0" prefix; UPRIGHT by default."""
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None:
        return UPRIGHT
    try:
        (at,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, at)
        for start in range(at + 2, at + 2 + 12 * min(count, _MOST_TAGS), 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, start)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and UPRIGHT < value <= 8 else UPRIGHT
    except struct.error:
        pass  # truncated
    return UPRIGHT


def only(orientation: int) -> bytes:
    """Return EXIF data that contains only the orientation."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, _SHORT, 1, orientation, 0, 0)
