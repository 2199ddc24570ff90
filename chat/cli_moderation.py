"""`flask --app wsgi chat mute|remove|bar|barred|delete-recent|delete-message|pin|pins`: keeping order as commands."""

import click
from flask.cli import with_appcontext

from chat.cli_console import ADMINISTRATOR
from chat.cli_errors import told
from chat.clock import to_iso
from chat.errors import ErrorCode
from chat.http.context import services
from chat.services.moderation import MUTE_MAX_MINUTES, RECENT_MAX_MINUTES

_WORDS = {
    ErrorCode.ROOM_NOT_FOUND: "There is no such room, or it is private.",
    ErrorCode.USER_NOT_FOUND: "There is no user with that name.",
    ErrorCode.NOT_MEMBER: "{username} is not in this room.",
    ErrorCode.MESSAGE_NOT_FOUND: "There is no such message in this room.",
    ErrorCode.FORBIDDEN: "That cannot be done in this room, or to this user.",
    ErrorCode.ADMIN_PROTECTED: "The owner of a room stays in it.",
    ErrorCode.ARCHIVED: "The room is archived.",
    ErrorCode.PINS_TOO_MANY: "The room has {limit} pinned messages: unpin one first.",
    ErrorCode.RATE_LIMITED: "Too many at once: try again in a minute.",
}


@click.command("mute")
@click.argument("room")
@click.argument("username")
@click.argument("minutes", type=click.IntRange(0, MUTE_MAX_MINUTES))
@with_appcontext
def mute(room: str, username: str, minutes: int) -> None:
    """Let a member of ROOM write nothing for some MINUTES; 0: let them write again."""
    with told(_WORDS):
        services().moderation.mute(ADMINISTRATOR, room, username, minutes)
    click.echo(f"{username} is muted for {minutes} minutes." if minutes else f"{username} is not muted.")


@click.command("remove")
@click.argument("room")
@click.argument("username")
@with_appcontext
def remove(room: str, username: str) -> None:
    """Remove a member from ROOM, who may come back."""
    with told(_WORDS):
        services().groups.remove(ADMINISTRATOR, room, username)
    click.echo(f"{username} is removed.")


@click.command("bar")
@click.argument("room")
@click.argument("username")
@click.option("--undo", is_flag=True, help="let them come back")
@with_appcontext
def bar(room: str, username: str, *, undo: bool) -> None:
    """Remove a user from ROOM and keep them from coming back."""
    with told(_WORDS):
        services().moderation.bar(ADMINISTRATOR, room, username, is_barred=not undo)
    click.echo(f"{username} may come back." if undo else f"{username} is barred.")


@click.command("barred")
@click.argument("room")
@with_appcontext
def barred(room: str) -> None:
    """List the users that cannot come back into ROOM, at most 500."""
    with told(_WORDS):
        found = services().moderation.barred(ADMINISTRATOR, room)
    for username in found:
        click.echo(username)


@click.command("delete-recent")
@click.argument("room")
@click.argument("username")
@click.argument("minutes", type=click.IntRange(1, RECENT_MAX_MINUTES))
@with_appcontext
def delete_recent(room: str, username: str, minutes: int) -> None:
    """Delete the messages of a user in ROOM from the last MINUTES, for everybody."""
    total, more = 0, True
    with told(_WORDS):
        while more:
            deleted, more = services().moderation.delete_recent(ADMINISTRATOR, room, username, minutes)
            total += deleted
    click.echo(f"{total} messages are deleted.")


@click.command("delete-message")
@click.argument("room")
@click.argument("message_id", type=click.IntRange(1))
@with_appcontext
def delete_message(room: str, message_id: int) -> None:
    """Delete a message of ROOM, by its number, for everybody."""
    with told(_WORDS):
        services().changes.delete_in(ADMINISTRATOR, room, message_id)
    click.echo(f"Message {message_id} is deleted.")


@click.command("pin")
@click.argument("room")
@click.argument("message_id", type=click.IntRange(1))
@click.option("--undo", is_flag=True, help="unpin it")
@with_appcontext
def pin(room: str, message_id: int, *, undo: bool) -> None:
    """Pin a message of ROOM, by its number."""
    with told(_WORDS):
        services().pins.pin(ADMINISTRATOR, room, message_id, is_on=not undo)
    click.echo(f"Message {message_id} is {'not pinned' if undo else 'pinned'}.")


@click.command("pins")
@click.argument("room")
@with_appcontext
def pins(room: str) -> None:
    """List the pinned messages of ROOM, the last pinned first."""
    with told(_WORDS):
        found = services().pins.all(ADMINISTRATOR, room)
    for message in found:
        text = " ".join(message.content.split()) or message.type
        click.echo(f"{message.id}\t{to_iso(message.time)}\t{message.username}\t{text}")


COMMANDS = (mute, remove, bar, barred, delete_recent, delete_message, pin, pins)
