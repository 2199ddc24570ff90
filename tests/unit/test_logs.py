"""Client input cannot forge lines in the log."""

import io
import logging
from collections.abc import Iterator

import pytest

from chat import logs
from chat.server.error_lines import in_one_line


@pytest.fixture
def written() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger configured like the server's, and its output."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.addFilter(logs.OneLine())
    logger = logging.getLogger("tests.one-line")
    logger.propagate = False
    logger.addHandler(handler)
    yield logger, stream
    logger.removeHandler(handler)


def test_controls_and_marks_of_direction_are_escaped(written: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = written
    logger.warning("%s asked for %s", "bob\r\nINFO mallory left", "/a\x1b[2J\x85\u2028\u202eb/房间")
    assert stream.getvalue() == (
        "WARNING bob\\u000d\\u000aINFO mallory left asked for /a\\u001b[2J\\u0085\\u2028\\u202eb/房间\n"
    )


def test_a_message_of_an_exception_forges_no_line_either(written: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = written
    try:
        raise ValueError("bad name: x\nINFO mallory left\n\x1b]0;title\x07")
    except ValueError:
        logger.exception("at %s", "/x\ny")
    first, *rest = stream.getvalue().splitlines()
    assert first == "ERROR at /x\\u000ay"
    assert rest[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
    assert "    INFO mallory left" in rest


def test_an_error_is_told_in_one_line_without_control_characters() -> None:
    assert in_one_line(RuntimeError("a\x1b[31m\r\n b\0")) == "RuntimeError: a?[31m b?"
