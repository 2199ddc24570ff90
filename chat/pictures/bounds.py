"""What a picture may be. Raised and checked by the rewriters of all formats."""

MAX_PIXELS = 40_000_000
PROFILE_MAX_BYTES = 1024 * 1024  # of a colour profile, inflated; larger ones are left out


class NotAPicture(ValueError):  # noqa: N818
    """The bytes are no picture, or one beyond the bounds."""


def check_size(width: int, height: int) -> None:
    """Raise NotAPicture unless 1 to MAX_PIXELS pixels."""
    if not 0 < width * height <= MAX_PIXELS:
        raise NotAPicture(f"{width} x {height} pixels")
