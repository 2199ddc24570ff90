"""Keeping order: settings of rooms, and permission to write."""

from collections.abc import Callable

import pytest

from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import FakeClock, sign_up
from tests.pictures import picture
from tests.unit.bounds import refused

pytestmark = pytest.mark.both_databases
ROOM = "physics"


@pytest.fixture
def owner(services: Services) -> Actor:
    made = sign_up(services, "owner")
    services.rooms.create(made, ROOM)
    return made


@pytest.fixture
def pupil(services: Services, owner: Actor) -> Actor:
    made = sign_up(services, "pupil")
    services.memberships.join(made, ROOM)
    return made


def say(services: Services, actor: Actor, text: str = "hello", client_message_id: str | None = None) -> int:
    return services.messages.send(actor, ROOM, Draft(text=text, client_message_id=client_message_id)).id


def ways_to_write(services: Services, actor: Actor, own_id: int) -> dict[str, Callable[[], object]]:
    """Everything that stores something in the room."""
    return {
        "send": lambda: say(services, actor),
        "picture": lambda: services.messages.send(actor, ROOM, Draft(image=picture("PNG"))),
        "file": lambda: services.files.begin(actor, ROOM, "a.txt", 5),
        "edit": lambda: services.changes.edit(actor, ROOM, own_id, "other words"),
        "react": lambda: services.changes.react(actor, ROOM, own_id, "👍", is_on=True),
        "typing": lambda: services.changes.typing(actor, ROOM),
    }


def test_only_owner_admins_and_teachers_change_settings(
    services: Services, owner: Actor, pupil: Actor, teacher: Actor
) -> None:
    outsider = sign_up(services, "outsider")
    refused(ErrorCode.FORBIDDEN, lambda: services.room_settings.change(pupil, ROOM, {"read_only": True}))
    refused(ErrorCode.ROOM_NOT_FOUND, lambda: services.room_settings.change(outsider, ROOM, {"read_only": True}))
    for actor in (owner, teacher):
        assert services.room_settings.change(actor, ROOM, {"read_only": True}).after.read_only
        assert not services.room_settings.change(actor, ROOM, {"read_only": False}).after.read_only
    private = services.rooms.create_titled(pupil, "private", access=Access.INVITE).id
    refused(ErrorCode.ROOM_NOT_FOUND, lambda: services.room_settings.change(teacher, private, {"topic": "x"}))


def test_the_later_of_two_concurrent_changes_sees_the_earlier_one(
    services: Services, owner: Actor, teacher: Actor
) -> None:
    seen = services.room_settings.get(owner, ROOM).version
    services.room_settings.change(teacher, ROOM, {"topic": "Newton"}, version=seen)
    refused(
        ErrorCode.SETTINGS_CHANGED, lambda: services.room_settings.change(owner, ROOM, {"topic": "x"}, version=seen)
    )
    changed = services.room_settings.change(owner, ROOM, {"slow_mode": 5})
    assert (changed.before.topic, changed.before.slow_mode) == ("Newton", 0)
    assert (changed.after.topic, changed.after.slow_mode) == ("Newton", 5)


@pytest.mark.parametrize("changes", [{"topic": "x" * 251}, {"topic": "a\x00b"}, {"slow_mode": 3601}, {"slow_mode": -1}])
def test_bad_settings_change_nothing(services: Services, owner: Actor, changes: dict[str, object]) -> None:
    before = services.room_settings.get(owner, ROOM)
    refused(ErrorCode.FIELD_INVALID, lambda: services.room_settings.change(owner, ROOM, {**changes, "read_only": True}))
    assert services.room_settings.get(owner, ROOM) == before


def test_in_a_read_only_room_members_write_in_no_way(
    services: Services, owner: Actor, pupil: Actor, teacher: Actor
) -> None:
    own = say(services, pupil)
    services.room_settings.change(owner, ROOM, {"read_only": True})
    for act in ways_to_write(services, pupil, own).values():
        refused(ErrorCode.READ_ONLY, act)
    say(services, owner)
    say(services, teacher)  # no member
    services.changes.delete_in(pupil, ROOM, own)  # at any time


def test_in_an_archived_room_nobody_writes(services: Services, owner: Actor, pupil: Actor, teacher: Actor) -> None:
    said = {actor: say(services, actor) for actor in (owner, pupil, teacher)}
    services.room_settings.change(owner, ROOM, {"archived": True})
    for actor, own in said.items():
        for act in ways_to_write(services, actor, own).values():
            refused(ErrorCode.ARCHIVED, act)
    assert [message.id for message in services.messages.history(pupil, ROOM, None, 10)] == list(said.values())
    services.room_settings.change(teacher, ROOM, {"archived": False})
    say(services, pupil)


def test_archived_rooms_are_in_no_list(services: Services, owner: Actor, pupil: Actor) -> None:
    say(services, owner)
    services.room_settings.change(owner, ROOM, {"archived": True})
    lists = (
        services.rooms.find(pupil, unread=False),
        services.rooms.joined(pupil),
        services.rooms.enterable(pupil),
        services.conversations.all(pupil),
    )
    assert all([room.name for room in found] == ["public"] for found in lists)
    assert list(services.pulls.newest(pupil, 10).rooms) == ["public"]
    assert [room.name for room in services.rooms.find(pupil, unread=False, archived=True)] == [ROOM]
    assert services.rooms.view(pupil, ROOM).archived


def test_the_lobby_cannot_be_archived(services: Services, teacher: Actor) -> None:
    assert services.room_settings.change(teacher, "public", {"slow_mode": 9}).after.slow_mode == 9
    refused(ErrorCode.FORBIDDEN, lambda: services.room_settings.change(teacher, "public", {"archived": True}))


def test_slow_mode_keeps_a_pause_between_two_messages_of_one_person(
    services: Services, clock: FakeClock, owner: Actor, pupil: Actor
) -> None:
    other = sign_up(services, "other")
    services.memberships.join(other, ROOM)
    services.room_settings.change(owner, ROOM, {"slow_mode": 30})
    say(services, pupil, client_message_id="one")
    clock.advance(10)
    with pytest.raises(ChatError) as caught:
        say(services, pupil)
    assert caught.value.code is ErrorCode.SLOW_MODE
    assert caught.value.data["retry_after"] == pytest.approx(20, abs=0.01)
    say(services, pupil, client_message_id="one")  # a retry is no second message
    say(services, other)
    for _ in range(2):
        say(services, owner)
    clock.advance(20.1)
    say(services, pupil)


def test_leaving_and_coming_back_ends_no_pause(
    services: Services, clock: FakeClock, owner: Actor, pupil: Actor
) -> None:
    services.room_settings.change(owner, ROOM, {"slow_mode": 3600})
    services.changes.delete_in(pupil, ROOM, say(services, pupil))
    services.memberships.leave(pupil, ROOM)
    services.memberships.join(pupil, ROOM)
    clock.advance(3599)
    refused(ErrorCode.SLOW_MODE, lambda: say(services, pupil))
    clock.advance(1.1)
    say(services, pupil)


def test_the_sites_slow_mode_applies_to_rooms_without_their_own(services: Services, owner: Actor, pupil: Actor) -> None:
    services.site.change(None, 0, {"slow_mode": 60})
    assert services.room_settings.get(pupil, ROOM).slow_mode_is_default
    say(services, pupil)
    refused(ErrorCode.SLOW_MODE, lambda: say(services, pupil))
    services.room_settings.change(owner, ROOM, {"slow_mode": 0})
    say(services, pupil)
    services.room_settings.change(owner, ROOM, {"slow_mode": None})
    refused(ErrorCode.SLOW_MODE, lambda: say(services, pupil))


def test_a_file_that_took_long_waits_for_its_turn_too(
    services: Services, clock: FakeClock, owner: Actor, pupil: Actor
) -> None:
    services.room_settings.change(owner, ROOM, {"slow_mode": 30})
    upload = services.files.begin(pupil, ROOM, "a.txt", 1)
    services.files.add(upload, b"a")
    say(services, pupil)
    refused(ErrorCode.SLOW_MODE, lambda: services.files.finish(pupil, upload))
    clock.advance(30.1)
    services.files.finish(pupil, upload)


def test_slow_mode_ends_where_the_clock_jumps_back(
    services: Services, clock: FakeClock, owner: Actor, pupil: Actor
) -> None:
    services.room_settings.change(owner, ROOM, {"slow_mode": 30})
    say(services, pupil)
    clock.now -= 3600 * SECOND
    with pytest.raises(ChatError) as caught:
        say(services, pupil)
    assert caught.value.data["retry_after"] == 30
