"""Muting, removing, barring, deleting recent messages, pinning."""

from collections.abc import Callable

import pytest

from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Role
from chat.services import Services, moderation
from chat.services.messages import Draft
from chat.services.paging import Page
from chat.services.pins import MOST_PINS
from tests.conftest import FakeClock, sign_up
from tests.unit.bounds import refused
from tests.unit.test_order import ROOM, owner, pupil, say, ways_to_write

pytestmark = pytest.mark.both_databases
__all__ = ["owner", "pupil"]  # fixtures


def log_of(services: Services, actor: Actor) -> list[tuple[str, str, str]]:
    found = services.audit.of_room(actor, ROOM, Page(50))
    return [(entry.action, entry.actor, entry.subject) for entry in reversed(found)]


def test_a_muted_member_writes_in_no_way_until_the_time_is_over(
    services: Services, clock: FakeClock, owner: Actor, pupil: Actor
) -> None:
    own = say(services, pupil)
    services.moderation.mute(owner, ROOM, "pupil", 10)
    for act in ways_to_write(services, pupil, own).values():
        refused(ErrorCode.MUTED, act)
    with pytest.raises(ChatError) as caught:
        say(services, pupil)
    assert caught.value.data["retry_after"] == pytest.approx(600, abs=1)
    services.changes.delete_in(pupil, ROOM, own)
    clock.advance(600)
    say(services, pupil)


def test_a_mute_outlasts_leaving_and_can_be_lifted(services: Services, owner: Actor, pupil: Actor) -> None:
    services.moderation.mute(owner, ROOM, "pupil", 10)
    services.memberships.leave(pupil, ROOM)
    services.memberships.join(pupil, ROOM)
    refused(ErrorCode.MUTED, lambda: say(services, pupil))
    services.moderation.mute(owner, ROOM, "pupil", 0)
    services.moderation.mute(owner, ROOM, "pupil", 0)
    say(services, pupil)
    assert log_of(services, owner) == [("member_muted", "owner", "pupil")] * 2


def test_protected_people_are_not_muted(services: Services, owner: Actor, pupil: Actor, teacher: Actor) -> None:
    services.memberships.join(teacher, ROOM)
    for actor, name in ((owner, "owner"), (owner, "teacher"), (teacher, "owner"), (pupil, "owner"), (pupil, "pupil")):
        refused(ErrorCode.FORBIDDEN, lambda a=actor, n=name: services.moderation.mute(a, ROOM, n, 1))  # type: ignore[misc]
    sign_up(services, "outsider")
    refused(ErrorCode.NOT_MEMBER, lambda: services.moderation.mute(owner, ROOM, "outsider", 1))
    refused(ErrorCode.USER_NOT_FOUND, lambda: services.moderation.mute(owner, ROOM, "nobody", 1))


def entrances(services: Services, owner: Actor, pupil: Actor) -> dict[str, Callable[[], object]]:
    code = services.join_codes.renew(owner, ROOM)
    room_id = services.rooms.view(owner, ROOM).id
    return {
        "join": lambda: services.memberships.join(pupil, ROOM),
        "code": lambda: services.join_codes.join(pupil, code),
        "added": lambda: services.memberships.add(owner, ROOM, "pupil"),
        "ticket": lambda: services.tickets.issue(pupil, room_id),
    }


def test_a_barred_user_gets_in_nowhere(services: Services, owner: Actor, pupil: Actor) -> None:
    ticket = services.tickets.issue(pupil, ROOM)
    services.moderation.bar(owner, ROOM, "pupil", is_barred=True)
    assert services.moderation.barred(owner, ROOM) == ["pupil"]
    ways = entrances(services, owner, pupil)
    for way in ways.values():
        refused(ErrorCode.BARRED, way)
    refused(ErrorCode.TICKET_INVALID, lambda: services.tickets.redeem(ticket))
    services.roster_imports.import_now(
        b"username,name,rooms\npupil,Pupil,physics\n", resets_passwords=False, told=lambda _: None
    )
    refused(ErrorCode.ROOM_NOT_FOUND, lambda: say(services, pupil))
    services.moderation.bar(owner, ROOM, "pupil", is_barred=False)
    assert services.memberships.join(pupil, ROOM)
    assert [entry[0] for entry in log_of(services, owner)] == [
        "member_removed",
        "member_barred",
        "room_code",
        "member_barred",
    ]


def test_teachers_and_oneself_cannot_be_barred(services: Services, owner: Actor, pupil: Actor) -> None:
    services.teachers.appoint(None, pupil.username, is_teacher=True)
    for user in (owner.username, pupil.username):
        with pytest.raises(ChatError) as caught:
            services.moderation.bar(owner, ROOM, user, is_barred=True)
        assert caught.value.code is ErrorCode.FORBIDDEN
    assert services.moderation.barred(owner, ROOM) == []


def test_a_former_member_can_be_barred(services: Services, owner: Actor, pupil: Actor) -> None:
    services.memberships.leave(pupil, ROOM)
    services.moderation.bar(owner, ROOM, "pupil", is_barred=True)
    refused(ErrorCode.BARRED, lambda: services.memberships.join(pupil, ROOM))
    refused(ErrorCode.FORBIDDEN, lambda: services.moderation.bar(owner, "public", "pupil", is_barred=True))


def test_an_approved_invitation_does_not_lift_a_bar(services: Services, owner: Actor, pupil: Actor) -> None:
    services.friends.request(owner, pupil.user_id, "")
    services.friends.accept(pupil, owner.user_id, pupil.user_id, "hello")
    services.groups.create(owner, "group", [pupil.user_id])
    group = next(room.id for room in services.rooms.joined(owner) if room.access is Access.GROUP)
    services.moderation.bar(owner, group, "pupil", is_barred=True)
    refused(ErrorCode.BARRED, lambda: services.invitations.invite(owner, group, [pupil.user_id]))


def test_admins_do_nothing_to_admins(services: Services, owner: Actor, pupil: Actor) -> None:
    other = sign_up(services, "other")
    services.memberships.add(owner, ROOM, "other", Role.ADMIN)
    room_id = services.rooms.view(owner, ROOM).id
    services.groups.set_admin(owner, room_id, pupil.user_id, is_admin=True)
    refused(ErrorCode.FORBIDDEN, lambda: services.moderation.mute(other, ROOM, "pupil", 1))
    refused(ErrorCode.ADMIN_PROTECTED, lambda: services.moderation.bar(other, ROOM, "pupil", is_barred=True))
    services.moderation.mute(owner, ROOM, "pupil", 1)


def test_deleting_a_users_recent_messages(
    services: Services, clock: FakeClock, owner: Actor, pupil: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moderation, "DELETED_AT_ONCE", 2)
    monkeypatch.setattr(moderation, "MOST_DELETED", 4)
    old = say(services, pupil, "old")
    clock.advance(310)
    kept = say(services, owner, "kept")
    for number in range(5):
        say(services, pupil, f"bad {number}")
    refused(ErrorCode.FORBIDDEN, lambda: services.moderation.delete_recent(pupil, ROOM, "owner", 5))
    assert services.moderation.delete_recent(owner, ROOM, "pupil", 5) == (4, True)
    assert services.moderation.delete_recent(owner, ROOM, "pupil", 5) == (1, False)
    assert [message.id for message in services.messages.history(owner, ROOM, None, 10)] == [old, kept]
    assert log_of(services, owner) == [("message_deleted", "owner", "pupil")] * 5


def test_pins(services: Services, owner: Actor, pupil: Actor, teacher: Actor) -> None:
    ids = [say(services, pupil, str(number)) for number in range(MOST_PINS + 1)]
    refused(ErrorCode.FORBIDDEN, lambda: services.pins.pin(pupil, ROOM, ids[0], is_on=True))
    for message_id in ids[:-1]:
        services.pins.pin(owner, ROOM, message_id, is_on=True)
    services.pins.pin(owner, ROOM, ids[0], is_on=True)
    refused(ErrorCode.PINS_TOO_MANY, lambda: services.pins.pin(owner, ROOM, ids[-1], is_on=True))
    services.pins.pin(teacher, ROOM, ids[0], is_on=False)
    services.changes.delete_in(pupil, ROOM, ids[1])
    assert [message.id for message in services.pins.all(pupil, ROOM)] == ids[2:-1][::-1]
    elsewhere = services.messages.send(pupil, "public", Draft(text="x")).id
    for wrong in (ids[1], elsewhere, 2**70):
        refused(ErrorCode.MESSAGE_NOT_FOUND, lambda w=wrong: services.pins.pin(owner, ROOM, w, is_on=True))  # type: ignore[misc]
    assert len(log_of(services, owner)) == MOST_PINS + 2
    services.rooms.delete(owner, ROOM)
    services.purger.purge()


def test_account_deletion_is_a_change_of_members_in_every_room(
    services: Services, clock: FakeClock, owner: Actor, pupil: Actor
) -> None:
    begin = clock() - SECOND
    services.profiles.delete(owner)
    entries = services.pulls.since(pupil, {ROOM: begin, "public": begin}, 100, changes=True)[1].rooms
    told = [(m.username, m.role) for entry in entries[ROOM] for m in getattr(entry, "members", ())]
    assert told == [("pupil", "member"), ("owner", None), ("owner", "member"), ("pupil", "owner")]
