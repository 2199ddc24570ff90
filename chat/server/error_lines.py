"""Errors as single lines of the log."""

import traceback
from pathlib import Path


def in_one_line(error: BaseException) -> str:
    """Name the error and where it happened."""
    while isinstance(error, SystemExit) and error.__context__ is not None:  # ended at an error that it had printed
        error = error.__context__
    words = "".join(sign if sign.isprintable() else "?" for sign in " ".join(str(error).split()))
    if isinstance(error, SystemExit):
        return f"Loading ended: {words}"
    if isinstance(error, SyntaxError):  # tells its place
        return f"{type(error).__name__}: {words}"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {words}{place}"
