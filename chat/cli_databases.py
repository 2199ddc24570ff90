"""`flask --app wsgi chat backup | restore | move | compact`: commands on the whole database."""

import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError

from chat.cli_errors import PathType
from chat.errors import ChatError
from chat.http.context import services
from chat.ports import Backend, BackupError
from config import Settings, sqlite_url
from instance import check, check_database, check_schema
from setting_parsers import PARSERS, ConfigError, without_password

CREATE_APP = "commonroom.create_app"  # extension: makes an application for other settings
_UNREADABLE = "the database cannot be read; run: flask --app wsgi db upgrade"


@click.command("backup")
@click.argument("file", type=PathType(path_type=Path))
@with_appcontext
def make_backup(file: Path) -> None:
    """Copy the database into FILE (SQLite) while the server runs. instance/secret_key is not included."""
    with _told():
        _require_postgresql()
        services().backend.backup(file, _opened_file)
    click.echo(f"{file} is a backup of {services().backend.name}.")


@click.command("restore")
@click.argument("file", type=PathType(path_type=Path))
@with_appcontext
def restore(file: Path) -> None:
    """Replace the database with a backup. Stop the server first."""
    with _told():
        _require_postgresql()
        kept = services().backend.restore(file, check_database, _opened_file)
    click.echo(f"{services().backend.name} is restored; what was there is {kept}. Start the server now.")


@click.command("compact")
@with_appcontext
def compact() -> None:
    """Give the database's free space back to the disk, and let it shrink by itself later. Stop the server first."""
    with _told():
        services().backend.compact()
    click.echo(f"{services().backend.name} has no free space left, and shrinks by itself from now on.")


@click.command("move")
@click.option("--to", "url", required=True, help="postgresql://…, or a SQLite file: sqlite:////path")
@with_appcontext
def move(url: str) -> None:
    """Copy everything into another, empty database. Stop the server first.

    All or nothing: after a break, run it again. The old database stays as it is.
    """
    settings: Settings = current_app.config["SETTINGS"]
    source = services().backend
    with _told():
        try:
            new_url = PARSERS["database_url"](url.strip())
        except ValueError as error:
            raise ConfigError(f"--to {without_password(url)}: {error}") from None
        new = replace(settings, database_url=new_url)
        if new_url == settings.database_url or (new.database_path and new.database_path == settings.database_path):
            raise BackupError("that is the database itself")
        check(settings)
        with _opened(new_url) as target, click.progressbar(length=1, label="Copying", file=sys.stderr) as bar:

            def told(done: int, total: int) -> None:
                bar.length = total
                bar.update(done - bar.pos)

            rows = source.move_to(target, told)
    click.echo(f"{rows} rows of {source.name} are in {target.name} now, and were compared.")
    click.echo("Start the server with DATABASE_URL set to it, and with the same SECRET_KEY as before.")
    if not settings.secret_key:
        click.echo(f"The key is in {settings.instance_path / 'secret_key'}.")


def _require_postgresql() -> None:
    """Raise ConfigError for a PostgreSQL database that is away or of another schema; an SQLite file may be either."""
    settings: Settings = current_app.config["SETTINGS"]
    if settings.postgresql_url:
        check_schema(settings)


@contextmanager
def _told() -> Iterator[None]:
    """Report a failure as one line."""
    try:
        yield
    except (BackupError, ConfigError) as error:
        raise click.ClickException(str(error)) from None
    except (ChatError, DBAPIError):
        raise click.ClickException(_UNREADABLE) from None


@contextmanager
def _opened(url: str) -> Iterator[Backend]:
    """Open another database, brought up to this version's schema."""
    from alembic.util import CommandError  # here, as servers load the commands too

    try:
        app = _other(url)
    except (CommandError, ConfigError) as error:
        raise ConfigError(re.sub("^DATABASE_URL", "--to", str(error))) from None
    with app.app_context():
        backend = services().backend  # the other application's
        try:
            yield backend
        finally:
            backend.store.dispose()


def _opened_file(file: Path) -> AbstractContextManager[Backend]:
    """Open the database in an SQLite file (chat.ports.Opened)."""
    return _opened(sqlite_url(file.absolute()))


def _other(url: str) -> Flask:
    """Return an application on another database. Raises CommandError and ConfigError."""
    from alembic import command

    settings: Settings = current_app.config["SETTINGS"]
    new = replace(settings, database_url=url, secret_key=settings.secret())
    check(new, upgrades=True)
    app: Flask = current_app.extensions[CREATE_APP](new)
    with app.app_context():
        command.upgrade(app.extensions["migrate"].migrate.get_config(), "head")
    return app
