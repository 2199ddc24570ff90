"""Sizes of the acceptance checks: small in the suite, in full by `make checks` (docs/testing.md)."""

import os

IS_FULL = os.environ.get("COMMONROOM_CHECKS") == "full"


def size(small: int, full: int) -> int:
    return full if IS_FULL else small
