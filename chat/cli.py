"""`flask --app wsgi chat …`, commands for the administrator."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click
from flask import Flask, current_app

from chat import __version__, connect
from chat.cli_console import COMMANDS as CONSOLE_COMMANDS
from chat.cli_databases import CREATE_APP, compact, make_backup, move, restore
from chat.cli_errors import Commands, PathType, told
from chat.cli_moderation import COMMANDS as MODERATION_COMMANDS
from chat.errors import ErrorCode
from chat.http.context import services
from chat.http.roster_messages import worded
from chat.services.export_html import Words
from chat.services.room_settings import SLOW_MODE_MAX
from chat.services.roster_parsing import MOST_BYTES
from chat.services.site import Registration
from config import Settings

chat = Commands("chat", help="Run this server.")
chat.add_command(make_backup)
chat.add_command(restore)
chat.add_command(move)
chat.add_command(compact)
for command in (*CONSOLE_COMMANDS, *MODERATION_COMMANDS):
    chat.add_command(command)

_WORDS = {
    ErrorCode.ROOM_NOT_FOUND: "There is no room with that name.",
    ErrorCode.USER_NOT_FOUND: "There is no user with that name.",
    ErrorCode.PASSWORD_INVALID: "Take {min} to {max} characters.",
    ErrorCode.ROSTER_CHANGED: "Accounts or rooms have changed meanwhile; nothing was imported: try again.",
    ErrorCode.USERNAME_TAKEN: "The username {username} is taken.",
    ErrorCode.USERNAME_INVALID: "Take 1 to 32 visible characters, no spaces at the ends, no accent alone at the start.",
    ErrorCode.NICKNAME_TAKEN: "The nickname {nickname} is the username of another user.",
    ErrorCode.TEACHERS_NAME: "The name {name} looks like a teacher's.",
    ErrorCode.LOOKS_LIKE_OTHER: "The name of {username} looks like theirs: rename one of the two first.",
    ErrorCode.FIELD_INVALID: "The {field} is too long or empty, has spaces at its ends or control characters, "
    "or begins with an accent alone.",
    ErrorCode.SETTINGS_CHANGED: "A teacher has changed the settings meanwhile: try again.",
}


def register(app: Flask, create_app: Callable[[Settings], Flask]) -> None:
    app.cli.add_command(chat)
    app.extensions[CREATE_APP] = create_app


@chat.command("version")
def version() -> None:
    """Print the version of the program."""
    click.echo(__version__)


@chat.command("set-password")
@click.argument("username")
@click.password_option()
def set_password(username: str, password: str) -> None:
    """Set a new password for a user and log them out everywhere."""
    with told(_WORDS):
        services().accounts.set_password(username, password)
    click.echo(f"{username} can log in with the new password.")


@chat.command("teacher")
@click.argument("username")
@click.option("--revoke", is_flag=True, help="make them a teacher no longer")
def teacher(username: str, *, revoke: bool) -> None:
    """Make a user a teacher, with rights in the whole site."""
    with told(_WORDS):
        services().teachers.appoint(None, username, is_teacher=not revoke)
    click.echo(f"{username} is a teacher {'no longer' if revoke else 'now'}.")


@chat.command("reset-password")
@click.argument("username")
def reset_password(username: str) -> None:
    """Set a one-time password for a user, to be changed in the page. Logs them out everywhere."""
    with told(_WORDS):
        password = services().teachers.reset_password(None, username)
    click.echo(password)


@chat.command("disable")
@click.argument("username")
@click.option("--undo", is_flag=True, help="let them log in again")
def disable(username: str, *, undo: bool) -> None:
    """Refuse the logins of a user, and end their sessions."""
    with told(_WORDS):
        services().teachers.set_disabled(None, username, is_disabled=not undo)
    click.echo(f"{username} is {'enabled' if undo else 'disabled'}.")


@chat.command("rename")
@click.argument("username")
@click.option("--username", "new_username", help="the new username")
@click.option("--nickname", help="the name that others see")
def rename(username: str, new_username: str | None, nickname: str | None) -> None:
    """Change a user's username or nickname."""
    if new_username is None and nickname is None:
        raise click.UsageError("Give --username, or --nickname, or both.")
    with told(_WORDS):
        is_renamed = services().teachers.rename(None, username, new_username, nickname)
    click.echo(f"{username} is renamed." if is_renamed else f"{username} has that name already.")


@chat.command("delete-account")
@click.argument("username")
@click.confirmation_option(prompt="Delete the account for good?")
def delete_account(username: str) -> None:
    """Delete a user's account permanently."""
    with told(_WORDS):
        services().teachers.delete(None, username)
    click.echo(f"The account of {username} is deleted.")


@chat.command("site")
@click.option("--name", help="the site's name in the page")
@click.option("--registration", type=click.Choice([mode.value for mode in Registration]), help="who may register")
@click.option("--new-code", is_flag=True, help="replace the join code")
@click.option("--rooms/--no-rooms", "pupils_make_rooms", default=None, help="whether pupils may create rooms")
@click.option("--private-rooms/--no-private-rooms", default=None, help="whether private rooms may be created")
@click.option("--directs/--no-directs", "direct_conversations", default=None, help="whether they may be begun")
@click.option("--slow-mode", type=click.IntRange(0, SLOW_MODE_MAX), help="seconds; of rooms without their own")
@click.option("--names/--no-names", "pupils_change_names", default=None, help="whether pupils may change theirs")
@click.option("--keep-days", type=click.IntRange(0, 3650), help="remove older messages for good; 0: never")
def site(*, new_code: bool, **given: object) -> None:
    """Show the site's settings, or change those given."""
    settings = services().site.settings()
    changes = {name: value for name, value in given.items() if value is not None}
    if changes or new_code:
        with told(_WORDS):
            settings = services().site.change(None, settings.version, changes, new_code=new_code)
    for name, value in asdict(settings).items():
        click.echo(f"{name}: {value}")


@chat.command("import-roster")
@click.argument("file", type=PathType(exists=True, dir_okay=False, path_type=Path))
@click.option("--passwords", is_flag=True, help="give accounts that exist the file's passwords too, or new ones")
def import_roster(file: Path, *, passwords: bool) -> None:
    """Create the accounts of a roster (CSV: username, name, password, rooms), all or none, and print
    their passwords.
    """
    rosters = services().roster_imports
    with file.open("rb") as opened:
        content = opened.read(MOST_BYTES + 1)
    preview = rosters.check(None, content)
    for complaint in preview.roster.complaints:
        place = f"line {complaint.line}: " if complaint.line else ""  # 0: the whole file
        click.echo(place + worded(complaint, chinese=False), err=True)
    if preview.roster.complaints:
        raise click.ClickException("Nothing was imported.")
    making = click.progressbar(length=len(preview.roster.lines), label="Making passwords", file=sys.stderr)
    with told(_WORDS), making as bar:
        cards = rosters.import_now(content, resets_passwords=passwords, told=lambda done: bar.update(done - bar.pos))
    for card in cards:
        click.echo(f"{card.username}\t{card.name}\t{card.password}")


@chat.command("leave-rooms")
@click.argument("username")
@click.option("--of", "owner", required=True, help="whose rooms")
def leave_rooms(username: str, owner: str) -> None:
    """Remove a user from all rooms that another user owns."""
    chat = services()
    with told(_WORDS):
        left = chat.memberships.leave_all_of(chat.accounts.find(username).user_id, owner)
    click.echo(f"{username} has left {left} rooms of {owner}.")


@chat.command("export")
@click.argument("room", required=False)
@click.option("--all", "is_all", is_flag=True, help="all rooms but direct conversations, each into a file")
@click.option("--to", "folder", type=PathType(file_okay=False, path_type=Path), default=Path(), help="the folder")
def export(room: str | None, folder: Path, *, is_all: bool) -> None:
    """Write ROOM as a ZIP: messages, members, audit log, attachments."""
    if (room is None) != is_all:
        raise click.UsageError("Give a room's name, or --all.")
    with told(_WORDS):
        found = services().export.rooms(room)
    folder.mkdir(parents=True, exist_ok=True)
    for each in found:
        target = folder / each.file_name
        draft = target.with_suffix(".part")
        with told(_WORDS), draft.open("wb") as file:
            file.writelines(services().export.pieces(each, current_app.config["TIMEZONE"], Words()))
        draft.replace(target)
        click.echo(str(target))


@chat.command("connect")
@click.argument("address", metavar="HOST:PORT", default="localhost:8888")
def connect_to(address: str) -> None:
    """Chat in the terminal, with any server that speaks the tcp protocol."""
    try:
        connect.run(address)
    except (ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise click.ClickException(f"{address}: {reason}") from None
