"""Limits on pictures, enforced by the rewriters of all formats."""

MAX_PIXELS = 40_000_000
# Larger pictures only have their structure checked, because slow machines take long to decode them.
MOST_PIXELS_DECODED = 16_000_000
PROFILE_MAX_BYTES = 1024 * 1024  # of an inflated colour profile; larger ones are removed


class NotAPicture(ValueError):  # noqa: N818
    """The bytes are not a picture, or exceed the limits."""


def check_size(width: int, height: int) -> None:
    """Raise NotAPicture unless 1 to MAX_PIXELS pixels."""
    if not 0 < width * height <= MAX_PIXELS:
        raise NotAPicture(f"{width} x {height} pixels")
