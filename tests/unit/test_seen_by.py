"""Readers of a message."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from chat.errors import ErrorCode
from chat.models import Access, Actor, Message
from chat.services import Services
from chat.services.messages import Draft
from chat.services.paging import WHOLE, Page
from tests.conftest import make_teacher, sign_up
from tests.unit.bounds import refused

pytestmark = pytest.mark.both_databases
ROOM = "physics"


@pytest.fixture
def owner(services: Services) -> Actor:
    made = sign_up(services, "owner")
    services.rooms.create(made, ROOM)
    return made


@pytest.fixture
def join(services: Services, owner: Actor) -> Callable[[str], Actor]:
    def joined(name: str) -> Actor:
        made = sign_up(services, name)
        services.memberships.join(made, ROOM)
        return made

    return joined


def say(services: Services, actor: Actor) -> Any:
    return services.messages.send(actor, ROOM, Draft(text="hello"))


def mark(services: Services, actor: Actor, message: Any) -> None:
    """As a pull does: in memory."""
    services.read_marks.mark(actor.user_id, [(message.room_id, message.time)])


def readers(services: Services, actor: Actor, message: Any, page: Page = WHOLE) -> list[str]:
    found = services.seen_by.readers(actor, ROOM, message.id, page)
    assert page is not WHOLE or found.total == len(found.page)
    return [reader.username for reader in found.page]


def test_readers_are_those_whose_mark_has_reached_the_message(
    services: Services, owner: Actor, join: Callable[[str], Actor]
) -> None:
    kim, lea = join("kim"), join("lea")
    first, second = say(services, owner), say(services, kim)
    assert readers(services, owner, first) == []
    mark(services, kim, first)
    mark(services, lea, second)
    assert readers(services, kim, first) == ["kim", "lea"]
    assert readers(services, owner, second) == ["lea"]


def test_the_sender_and_those_who_came_later_are_no_readers(
    services: Services, owner: Actor, join: Callable[[str], Actor]
) -> None:
    message = say(services, owner)
    mark(services, owner, message)
    join("kim")  # whose mark is at the newest message from the start
    assert readers(services, owner, message) == []


def test_nobody_sees_readers_of_rooms_and_messages_closed_to_them(
    services: Services, owner: Actor, join: Callable[[str], Actor]
) -> None:
    kim, outsider = join("kim"), sign_up(services, "outsider")
    message = say(services, kim)
    refused(ErrorCode.ROOM_NOT_FOUND, lambda: readers(services, outsider, message))
    services.rooms.create(owner, "other")
    refused(ErrorCode.MESSAGE_NOT_FOUND, lambda: services.seen_by.readers(owner, "other", message.id, WHOLE))
    refused(ErrorCode.MESSAGE_NOT_FOUND, lambda: services.seen_by.readers(owner, ROOM, 2**64, WHOLE))
    services.changes.delete_in(kim, ROOM, message.id)
    refused(ErrorCode.MESSAGE_NOT_FOUND, lambda: readers(services, owner, message))


def test_teachers_see_readers_of_rooms_that_are_not_private(services: Services, owner: Actor) -> None:
    teacher = make_teacher(services, sign_up(services, "hall"))
    assert readers(services, teacher, say(services, owner)) == []
    private = services.rooms.create_titled(owner, "private", access=Access.INVITE)
    secret = services.messages.send(owner, private.id, Draft(text="x"))
    refused(ErrorCode.ROOM_NOT_FOUND, lambda: services.seen_by.readers(teacher, private.id, secret.id, WHOLE))


def test_where_it_is_switched_off_nobody_sees_readers(
    services: Services, owner: Actor, join: Callable[[str], Actor]
) -> None:
    kim = join("kim")
    message = say(services, kim)
    changed = services.room_settings.change(owner, ROOM, {"seen_by": False})
    assert (changed.before.seen_by, changed.after.seen_by) == (True, False)
    refused(ErrorCode.SEEN_BY_OFF, lambda: readers(services, kim, message))
    refused(ErrorCode.SEEN_BY_OFF, lambda: readers(services, owner, message))
    (entry,) = services.audit.of_room(owner, ROOM, Page(1))
    assert (entry.before, entry.after) == ({"seen_by": True}, {"seen_by": False})
    services.room_settings.change(owner, ROOM, {"seen_by": True})
    assert readers(services, kim, message) == []


def test_readers_come_in_pages_and_are_found_by_name(
    services: Services, owner: Actor, join: Callable[[str], Actor]
) -> None:
    people = [join(name) for name in ("kim", "lea", "kimberly")]
    message = say(services, owner)
    for person in people:
        mark(services, person, message)
    first = services.seen_by.readers(owner, ROOM, message.id, Page(2))
    assert (first.total, [reader.username for reader in first.page]) == (3, ["kim", "lea"])
    assert readers(services, owner, message, Page(2, first.page.next)) == ["kimberly"]
    assert readers(services, owner, message, Page(2, search="KIM")) == ["kim", "kimberly"]
    services.teachers.delete(None, "kim")
    assert readers(services, owner, message) == ["lea", "kimberly"]


def test_an_edit_keeps_the_readers(services: Services, owner: Actor, join: Callable[[str], Actor]) -> None:
    kim = join("kim")
    message = say(services, owner)
    mark(services, kim, message)
    services.changes.edit(owner, ROOM, message.id, "other words")
    with services.store.read() as connection:
        assert connection.execute(select(Message.time).where(Message.id == message.id)).scalar() == message.time
    assert readers(services, owner, message) == ["kim"]
