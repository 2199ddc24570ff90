"""Arguments, output and failures of commands: every fault is one line."""

import codecs
import functools
import io
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import AppGroup, ScriptInfo
from sqlalchemy.exc import DBAPIError

from chat.errors import ChatError, ErrorCode
from config import Settings
from instance import check, check_schema
from setting_parsers import ConfigError

_ERRORS = "commonroom.shown"  # what is done with characters that the terminal cannot show
_OF_ANY_SCHEMA = {"backup", "compact", "connect", "move", "restore", "version"}  # they look themselves, or at none
_NEGATIVE = re.compile(r"-\.?\d.*")


class Commands(AppGroup):
    """A group of commands whose text arguments must be UTF-8, as the shell need not pass that on."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Register a command, with its text arguments and the database's schema checked."""
        if cmd.callback is not None and (name or cmd.name) not in _OF_ANY_SCHEMA:
            cmd.callback = _on_current_schema(cmd.callback)
        for param in cmd.params:
            if type(param.type) is click.types.StringParamType:
                param.type = _Text()
            elif type(param.type) is click.IntRange:
                param.type.name = "integer"  # for click's "'x' is not a valid integer range."
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Names that the terminal's encoding lacks are shown as escapes."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors=_ERRORS)
        try:
            return self._invoke(ctx)
        except click.UsageError:
            raise
        except click.ClickException as error:  # it may quote SQLite, or a file's name
            raise click.ClickException(" ".join(error.message.splitlines())) from None

    def _invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # for click, which ends quietly
            raise
        except (ChatError, DBAPIError) as error:
            raise click.ClickException(_reason(ctx, error)) from None
        except OSError as error:  # a file or folder that cannot be read or written
            raise click.ClickException(
                f"{error.filename}: {error.strerror}" if error.filename else str(error)
            ) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command. `-5` is an argument, a name or a number out of range: no option is called so."""
        name, command, rest = super().resolve_command(ctx, args)
        if command:
            options = {option for param in command.get_params(ctx) for option in (*param.opts, *param.secondary_opts)}
            unknown = {word.partition("=")[0] for word in rest if word.startswith("-")} - options
            command.ignore_unknown_options = all(_NEGATIVE.fullmatch(word) for word in unknown)
        return name, command, rest


def _on_current_schema(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse a command on a database of another version, which it could damage. The server's start does the same."""

    @functools.wraps(callback)
    def checked(*args: Any, **given: Any) -> Any:
        try:
            check_schema(_settings(click.get_current_context()))
        except ConfigError as error:
            raise click.ClickException(str(error)) from None
        return callback(*args, **given)

    return checked


def _settings(ctx: click.Context) -> Settings:
    settings: Settings = ctx.ensure_object(ScriptInfo).load_app().config["SETTINGS"]
    return settings


def _reason(ctx: click.Context, error: ChatError | DBAPIError) -> str:
    """Why a command failed that has no words for it; the check at the server's start names wrong settings."""
    if isinstance(error, ChatError) and error.code is not ErrorCode.UNAVAILABLE:
        return f"This cannot be done ({error.code.name.lower().replace('_', ' ')})."
    try:
        check(_settings(ctx))
    except ConfigError as found:
        return str(found)
    return "The database is busy or not there: try again."


def _shown(error: UnicodeError) -> tuple[str | bytes, int]:
    """Show a byte of a path that is not UTF-8 as `\\xff`, and a character that the terminal lacks as `\\u5c0f`."""
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101
    char = error.object[error.start]
    is_byte = "\udc80" <= char <= "\udcff"
    escape = f"\\x{ord(char) - 0xDC00:x}" if is_byte else char.encode("ascii", "backslashreplace").decode()
    return escape, error.start + 1


codecs.register_error(_ERRORS, _shown)


class _Text(click.types.StringParamType):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = super().convert(value, param, ctx)
        try:
            text.encode()
        except UnicodeEncodeError:
            self.fail("this is not UTF-8.", param, ctx)
        return text


class PathType(click.Path):
    """A path of a file or folder. `-`, by which other programs mean a stream, is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path. Raises click.UsageError."""
        if value == "-":
            self.fail("the standard streams are not supported; give a path (./- for a file of that name).", param, ctx)
        return super().convert(value, param, ctx)


@contextmanager
def told(words: Mapping[ErrorCode, str]) -> Iterator[None]:
    """Report a failure as one line, by its code; Commands.invoke reports the others."""
    try:
        yield
    except ChatError as error:
        if error.code not in words:
            raise
        raise click.ClickException(words[error.code].format(**error.data)) from None
