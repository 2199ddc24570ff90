"""`flask --app wsgi chat now|people|rooms|room|audit`: the teachers' console as commands."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, TypeVar

import click
from flask.cli import with_appcontext

from chat.cli_errors import told
from chat.clock import to_iso
from chat.errors import ErrorCode
from chat.http.context import services
from chat.models import Actor
from chat.services.paging import Listed, Page
from chat.services.room_settings import SLOW_MODE_MAX

MOST = 200  # lines, or entries at a time
T = TypeVar("T")
# Has a teacher's rights in rooms that are not private, and no account.
ADMINISTRATOR = Actor(0, "", "", "", "", session_ends=0, created_at=0, is_teacher=True)
_WORDS = {
    ErrorCode.ROOM_NOT_FOUND: "There is no such room, or it is private.",
    ErrorCode.FORBIDDEN: "That cannot be done with this room.",
    ErrorCode.FIELD_INVALID: "--{field} is not valid: see --help for what it takes.",
}


def _all(fetch: Callable[[Page], Listed[T]]) -> Iterator[T]:
    """Yield the entries of all pages."""
    found = fetch(Page(MOST))
    yield from found
    while found.next:
        found = fetch(Page(MOST, found.next))
        yield from found


@click.command("now")
@with_appcontext
def now() -> None:
    """Show online users, the messages of the last minute, and active rooms."""
    overview = services().overview
    activity = overview.activity(None)
    click.echo(f"online: {activity.online} of {activity.accounts}")
    click.echo(f"messages in the last minute: {activity.messages}")
    for room in activity.rooms:
        click.echo(f"room {room.name}: {room.messages} messages, {room.online} of {room.members} online")
    for person in _all(lambda page: overview.online(None, page)):
        sessions = "; ".join(f"{each.protocol} {each.program} since {to_iso(each.since)}" for each in person.sessions)
        click.echo(f"{person.username}\t{person.nickname}\t{sessions}")


@click.command("people")
@click.option("--search", default="", help="part of a name")
@click.option("--after", default="", help="the last line of the previous page")
@with_appcontext
def people(search: str, after: str) -> None:
    """List accounts, 200 at a time."""
    with told(_WORDS):
        found = services().teachers.people(None, Page(MOST, after, search))
    for person in found:
        states = [
            name
            for name, holds in (
                ("teacher", person.is_teacher),
                ("disabled", person.is_disabled),
                ("one-time password", person.must_change_password),
                ("online", person.is_online),
            )
            if holds
        ]
        click.echo(f"{person.username}\t{person.nickname}\t{', '.join(states)}")
    if found.next:
        click.echo(f"more: --after {found.next}")


@click.command("rooms")
@click.option("--search", default="", help="part of a name")
@click.option("--archived", is_flag=True, help="archived rooms instead of the others")
@click.option("--after", default="", help="the last line of the previous page")
@with_appcontext
def rooms(search: str, after: str, *, archived: bool) -> None:
    """List rooms that are not private, most active first, 200 at a time."""
    with told(_WORDS):
        found = services().rooms.find(ADMINISTRATOR, Page(MOST, after, search), unread=False, archived=archived)
    for room in found:
        click.echo(f"{room.name}\t{room.member_count} members\t{to_iso(room.last_time) if room.last_time else ''}")
    if found.next:
        click.echo(f"more: --after {found.next}")


@click.command("room")
@click.argument("name")
@click.option("--topic", help="what the room is about")
@click.option("--read-only/--writable", default=None, help="whether only owner, admins and teachers write")
@click.option("--slow-mode", type=click.IntRange(0, SLOW_MODE_MAX), help="seconds between two messages of one person")
@click.option("--seen-by/--no-seen-by", default=None, help="whether members see who has read a message")
@click.option("--archive/--unarchive", "archived", default=None, help="whether it is hidden and closed")
@click.option("--new-code", is_flag=True, help="give it a join code, instead of the old one")
@click.option("--no-code", is_flag=True, help="remove its join code")
@click.option("--members", is_flag=True, help="list its members")
@click.option("--delete", is_flag=True, help="delete it with all its messages")
@with_appcontext
def room(name: str, *, new_code: bool, no_code: bool, members: bool, delete: bool, **given: Any) -> None:
    """Show a room's settings, or change those given."""
    chat = services()
    changes = {key: value for key, value in given.items() if value is not None}
    if new_code and no_code:
        raise click.UsageError("Give --new-code or --no-code.")
    if delete and (changes or new_code or no_code or members):
        raise click.UsageError("--delete goes with no other option.")
    with told(_WORDS):
        if delete:
            click.confirm(f"Delete {name} with all its messages?", abort=True)
            chat.rooms.delete(ADMINISTRATOR, name)
            click.echo(f"{name} is deleted.")
            return
        if changes:
            chat.room_settings.change(ADMINISTRATOR, name, changes)
        if new_code:
            chat.join_codes.renew(ADMINISTRATOR, name)
        if no_code:
            chat.join_codes.switch_off(ADMINISTRATOR, name)
        for key, value in asdict(chat.room_settings.get(ADMINISTRATOR, name)).items():
            click.echo(f"{key}: {value}")
        click.echo(f"join code: {chat.join_codes.code(ADMINISTRATOR, name) or 'none'}")
        if members:
            for member in _all(lambda page: chat.memberships.members(ADMINISTRATOR, name, page)):
                click.echo(f"{member.username}\t{member.nickname}\t{member.role}")


@click.command("audit")
@click.option("--search", default="", help="part of a name or action")
@click.option("--after", default="", help="the last line of the previous page")
@with_appcontext
def audit(search: str, after: str) -> None:
    """Show the audit log, newest first, 200 entries at a time."""
    with told(_WORDS):
        found = services().audit.of_site(None, Page(MOST, after, search))
    for entry in found:
        about = [entry.actor or "administrator", entry.action, entry.subject, entry.room]
        click.echo("\t".join([to_iso(entry.time), *about, f"{entry.before} {entry.after}"]))
    if found.next:
        click.echo(f"more: --after {found.next}")


COMMANDS = (now, people, rooms, room, audit)
