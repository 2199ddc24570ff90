"""QR codes as paths that a page can draw, without parsing any markup."""

from collections.abc import Iterator
from typing import Any

MAX_CHARS = 300  # of the text; longer ones are hard to scan from a projector


def qr_code(text: str) -> tuple[int, str]:
    """Return the number of modules per side, and an SVG path of the dark ones, without the quiet zone."""
    import segno  # here, as few requests need it

    matrix = segno.make(text, micro=False, error="m").matrix
    return len(matrix), "".join(_runs(matrix))


def _runs(matrix: Any) -> Iterator[str]:
    for y, row in enumerate(matrix):
        start = None
        for x, module in enumerate([*row, 0]):
            if module & 1 and start is None:
                start = x
            elif not module & 1 and start is not None:
                yield f"M{start} {y}h{x - start}v1H{start}z"
                start = None
