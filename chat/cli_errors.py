"""Arguments, output and failures of commands: every fault is one line."""

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import AppGroup

from chat.errors import ChatError, ErrorCode


class Commands(AppGroup):
    """A group of commands whose text arguments must be UTF-8, as the shell need not pass that on."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Register a command, with its text arguments checked."""
        for param in cmd.params:
            if type(param.type) is click.types.StringParamType:
                param.type = _Text()
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Names that the terminal's encoding lacks are shown as escapes."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # for click, which ends quietly
            raise
        except OSError as error:  # a file or folder that cannot be read or written
            raise click.ClickException(
                f"{error.filename}: {error.strerror}" if error.filename else str(error)
            ) from None


class _Text(click.types.StringParamType):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = super().convert(value, param, ctx)
        try:
            text.encode()
        except UnicodeEncodeError:
            self.fail("this is not UTF-8.", param, ctx)
        return text


@contextmanager
def told(words: Mapping[ErrorCode, str]) -> Iterator[None]:
    """Report a failure as one line, by its code."""
    try:
        yield
    except ChatError as error:
        text = words.get(error.code, f"This cannot be done ({error.code.name.lower().replace('_', ' ')}).")
        raise click.ClickException(text.format(**error.data)) from None
