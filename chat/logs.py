"""Logging: one line per record, regardless of client input."""

import logging
import re
import sys

from chat.security.events import LOGGER_NAME as SECURITY

# Controls (C0, DEL, C1), line separators, lone surrogates, and marks that change text direction.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def escape(text: str) -> str:
    """Return the text as one line; characters that could forge or hide part of a line become `\\uXXXX`."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class OneLine(logging.Filter):
    """Escapes a record's message and indents its traceback, so that only a record's first line begins at the margin."""

    _formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record and accept it."""
        record.msg, record.args = escape(record.getMessage()), None
        if record.exc_info and record.exc_info[0] is not None:
            lines = (record.exc_text or self._formatter.formatException(record.exc_info)).splitlines()
            record.exc_text = "\n".join(f"    {escape(line)}" for line in lines)
        return True


def configure() -> None:
    """Log to stderr, with single lines from every logger, gunicorn's included."""
    root = logging.getLogger()
    if not root.handlers:
        to_stderr = logging.StreamHandler(sys.stderr)
        form = "[%(asctime)s] [%(process)d] [%(levelname)s] %(name)s: %(message)s"
        to_stderr.setFormatter(logging.Formatter(form, "%Y-%m-%d %H:%M:%S %z"))
        root.addHandler(to_stderr)
    logging.getLogger(SECURITY).setLevel(logging.INFO)
    for name in ("", "gunicorn.error", "gunicorn.access"):
        for handler in logging.getLogger(name).handlers:
            if not any(isinstance(each, OneLine) for each in handler.filters):
                handler.addFilter(OneLine())
