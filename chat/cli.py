"""`flask --app wsgi chat …`, commands for the administrator."""

from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from chat import __version__, connect
from chat.errors import ChatError, ErrorCode
from chat.http.context import services
from chat.ports import BackupError
from config import ConfigError
from instance import check_database

chat = AppGroup("chat", help="Run this server.")

_WORDS = {
    ErrorCode.USER_NOT_FOUND: "There is no user with that name.",
    ErrorCode.PASSWORD_INVALID: "Take {min} to {max} characters.",
    ErrorCode.UNAVAILABLE: "The database is busy or not there: try again.",
}


def register(app: Flask) -> None:
    app.cli.add_command(chat)


@chat.command("version")
def version() -> None:
    """Print the version of the program."""
    click.echo(__version__)


@chat.command("set-password")
@click.argument("username")
@click.password_option()
def set_password(username: str, password: str) -> None:
    """Set a new password for a user and log them out everywhere."""
    try:
        services().accounts.set_password(username, password)
    except ChatError as error:
        raise click.ClickException(_WORDS[error.code].format(**error.data)) from None
    click.echo(f"{username} can log in with the new password.")


@chat.command("leave-rooms")
@click.argument("username")
@click.option("--of", "owner", required=True, help="whose rooms")
def leave_rooms(username: str, owner: str) -> None:
    """Remove a user from all rooms that another user owns."""
    chat = services()
    try:
        left = chat.memberships.leave_all_of(chat.accounts.find(username).user_id, owner)
    except ChatError as error:
        raise click.ClickException(_WORDS[error.code].format(**error.data)) from None
    click.echo(f"{username} has left {left} rooms of {owner}.")


@chat.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
def make_backup(file: Path) -> None:
    """Copy the database into FILE while the server runs. instance/secret_key is not included."""
    try:
        services().backend.backup(file)
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{file} is a backup of {services().backend.name}.")


@chat.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
def restore(file: Path) -> None:
    """Replace the database with a backup. Stop the server first."""
    try:
        kept = services().backend.restore(file, check_database)
    except (BackupError, ConfigError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{services().backend.name} is restored; what was there is {kept}. Start the server now.")


@chat.command("connect")
@click.argument("address", metavar="HOST:PORT", default="localhost:8888")
def connect_to(address: str) -> None:
    """Chat in the terminal, with any server that speaks the tcp protocol."""
    try:
        connect.run(address)
    except (ValueError, OSError) as error:
        raise click.ClickException(f"{address}: {error}") from None
