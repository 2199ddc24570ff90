"""Failures of commands, in words for the administrator."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from chat.errors import ChatError, ErrorCode


@contextmanager
def told(words: Mapping[ErrorCode, str]) -> Iterator[None]:
    """Report a failure as one line, by its code."""
    try:
        yield
    except ChatError as error:
        raise click.ClickException(words[error.code].format(**error.data)) from None
