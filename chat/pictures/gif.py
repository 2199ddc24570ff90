"""GIF: keeps frames, timing and repetition; removes everything else."""

import struct

from chat.pictures.bounds import NotAPicture, check_size

SIGNATURES = (b"GIF87a", b"GIF89a")
MOST_BLOCKS = 10_000  # frames and extensions
# Encoders fill sub-blocks with 255 bytes, so 5 MiB are 20,000. Each one is a step in Python.
MOST_SUB_BLOCKS = 65_536
_TRAILER, _FRAME, _EXTENSION = 0x3B, 0x2C, 0x21
_GRAPHIC_CONTROL, _APPLICATION = 0xF9, 0xFF
_PLACE = struct.Struct("<HHHH")
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def rewritten(data: bytes) -> tuple[bytes, int, int, bool]:
    """Return the picture without metadata, its width and height, and whether it is animated. Raises NotAPicture."""
    reader = _Reader(data)
    try:
        return reader.read()
    except (IndexError, struct.error):
        raise NotAPicture("truncated") from None


class _Reader:
    """A single pass over the blocks. Raises IndexError, struct.error if truncated."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 13
        self._sub_blocks = MOST_SUB_BLOCKS  # remaining
        self._frames = 0
        self._width = int.from_bytes(data[6:8], "little")
        self._height = int.from_bytes(data[8:10], "little")
        self._kept: list[bytes] = []

    def read(self) -> tuple[bytes, int, int, bool]:
        self._at += _table_bytes(self._data[10])
        self._kept.append(self._data[: self._at])
        for _ in range(MOST_BLOCKS):
            introducer = self._data[self._at]
            if introducer == _TRAILER:
                break
            if introducer == _FRAME:
                self._frame()
            elif introducer == _EXTENSION:
                self._extension()
            else:
                raise NotAPicture("missing block")
        else:
            raise NotAPicture("too many blocks")
        if not self._frames:
            raise NotAPicture("no image data")
        check_size(self._width, self._height)
        return b"".join([*self._kept, b";"]), self._width, self._height, self._frames > 1

    def _frame(self) -> None:
        data, start = self._data, self._at
        left, top, width, height = (
            int.from_bytes(data[at : at + 2], "little") for at in range(start + 1, start + 9, 2)
        )
        # Decoders enlarge the picture to contain its frames.
        self._width = max(self._width, left + width)
        self._height = max(self._height, top + height)
        check_size(self._width, self._height)
        self._at += 10 + _table_bytes(data[start + 9]) + 1
        self._skip_sub_blocks()
        self._kept.append(data[start : self._at])
        self._frames += 1

    def _extension(self) -> None:
        data, start = self._data, self._at
        label, body = data[start + 1], start + 3
        self._at += 2
        self._skip_sub_blocks()
        whole = data[start : self._at]
        if label == _GRAPHIC_CONTROL and len(whole) == 8 and whole[2] == 4:
            self._kept.append(whole)
        elif label == _APPLICATION and data[body : body + 11] in _LOOPS and data[body + 11 : body + 13] == b"\x03\x01":
            self._kept.append(data[start : body + 15] + b"\0")

    def _skip_sub_blocks(self) -> None:
        data, at = self._data, self._at
        left = self._sub_blocks
        while size := data[at]:
            at += size + 1
            left -= 1
            if left < 0:
                raise NotAPicture("too many sub-blocks")
        self._sub_blocks = left
        self._at = at + 1


def _table_bytes(flags: int) -> int:
    """Size of the colour table announced by the flags of a screen or frame."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
