"""The audit log: its entries, its readers, and how long words of messages stay."""

import pytest
from sqlalchemy import select

from chat.errors import ErrorCode
from chat.models import Access, Actor, AuditAction, AuditRow
from chat.services import Services
from chat.services.audit import AuditEntry
from chat.services.messages import Draft
from chat.services.paging import Page
from tests.conftest import FakeClock, sign_up
from tests.unit.bounds import refused
from tests.unit.test_order import ROOM, owner, pupil, say

pytestmark = pytest.mark.both_databases
__all__ = ["owner", "pupil"]  # fixtures
HALF_A_DAY = 43200


def log_of(services: Services, actor: Actor | None = None) -> list[AuditEntry]:
    """Without those of the fixtures."""
    return [entry for entry in services.audit.of_site(actor, Page(100)) if entry.action is not AuditAction.TEACHER]


def test_a_change_of_settings_shows_the_differences(services: Services, owner: Actor) -> None:
    services.room_settings.change(owner, ROOM, {"topic": "Newton", "slow_mode": 5, "read_only": False})
    services.room_settings.change(owner, ROOM, {"topic": "Newton"})  # nothing
    (entry,) = services.audit.of_room(owner, ROOM, Page(10))
    assert (entry.actor, entry.action, entry.room, entry.subject) == ("owner", "room_settings", ROOM, "")
    assert entry.before == {"topic": "", "slow_mode": 0, "slow_mode_is_default": True}
    assert entry.after == {"topic": "Newton", "slow_mode": 5, "slow_mode_is_default": False}


def test_acts_of_teachers_on_accounts_are_logged(services: Services, teacher: Actor, pupil: Actor) -> None:
    services.teachers.reset_password(teacher, "pupil")
    services.teachers.set_disabled(teacher, "pupil", is_disabled=True)
    services.teachers.set_disabled(None, "pupil", is_disabled=False)
    services.teachers.rename(teacher, "pupil", "pupil2", None)
    services.site.change(teacher, 0, {"slow_mode": 3})
    services.roster_imports.import_now(b"username,name\nzoe,Zoe\n", resets_passwords=False, told=lambda _: None)
    services.teachers.delete(teacher, "pupil2")
    told = [
        (entry.actor, entry.action, entry.subject, entry.before, entry.after) for entry in log_of(services, teacher)
    ]
    names = ({"username": "pupil"}, {"username": "pupil2"})
    assert told[::-1] == [
        ("teacher", "password_reset", "pupil", {}, {}),
        ("teacher", "account_disabled", "pupil", {"disabled": False}, {"disabled": True}),
        ("", "account_disabled", "pupil", {"disabled": True}, {"disabled": False}),
        ("teacher", "account_renamed", "pupil2", *names),
        ("teacher", "site_settings", "", {"slow_mode": 0}, {"slow_mode": 3}),
        ("", "roster_imported", "", {}, {"people": 1, "passwords": 1}),
        ("teacher", "account_deleted", "pupil2", {}, {}),
    ]


def test_acts_that_change_nothing_leave_no_row(services: Services, teacher: Actor, pupil: Actor) -> None:
    room = services.rooms.create_titled(pupil, "club", access=Access.GROUP).id
    services.groups.change(pupil, room, "club", None)
    services.teachers.rename(teacher, "pupil", "pupil", "pupil")
    services.teachers.set_disabled(teacher, "pupil", is_disabled=False)
    assert services.site.change(teacher, 0, {"slow_mode": 0}).version == 0
    assert log_of(services) == []
    services.groups.change(pupil, room, "the club", None)
    (entry,) = log_of(services)
    assert (entry.action, entry.before, entry.after) == ("room_changed", {"title": "club"}, {"title": "the club"})


def test_a_rooms_log_is_for_its_owner_admins_and_teachers(
    services: Services, owner: Actor, pupil: Actor, teacher: Actor
) -> None:
    services.join_codes.renew(owner, ROOM)
    assert [entry.action for entry in services.audit.of_room(teacher, ROOM, Page(10))] == ["room_code"]
    outsider = sign_up(services, "outsider")
    refused(ErrorCode.FORBIDDEN, lambda: services.audit.of_room(pupil, ROOM, Page(10)))
    refused(ErrorCode.ROOM_NOT_FOUND, lambda: services.audit.of_room(outsider, ROOM, Page(10)))
    refused(ErrorCode.NOT_TEACHER, lambda: services.audit.of_site(owner, Page(10)))


def test_teachers_see_nothing_of_private_rooms(services: Services, owner: Actor, teacher: Actor) -> None:
    mine = services.rooms.create_titled(teacher, "mine", access=Access.INVITE).id
    other = services.rooms.create_titled(owner, "other", access=Access.INVITE).id
    for actor, room in ((owner, other), (teacher, mine)):
        sent = services.messages.send(actor, room, Draft(text="secret"))
        services.changes.edit(actor, room, sent.id, f"a secret of {actor.username}")
    assert [entry.room for entry in log_of(services, teacher)] == ["mine"]
    assert [entry.room for entry in log_of(services)] == ["mine", "other"]
    assert len(services.audit.of_room(owner, other, Page(10))) == 1


def test_pages_and_search(services: Services, owner: Actor) -> None:
    for number in range(5):
        services.room_settings.change(owner, ROOM, {"slow_mode": number + 1})
    services.join_codes.renew(owner, ROOM)
    first = services.audit.of_room(owner, ROOM, Page(4))
    second = services.audit.of_room(owner, ROOM, Page(4, first.next))
    assert [len(first), len(second), second.next] == [4, 2, ""]
    assert [entry.action for entry in first][:2] == ["room_code", "room_settings"]
    assert len(services.audit.of_room(owner, ROOM, Page(10, search="CODE"))) == 1
    assert len(services.audit.of_room(owner, ROOM, Page(10, search="100%"))) == 0


def test_earlier_wordings_stay_until_the_message_is_purged(
    services: Services, clock: FakeClock, owner: Actor, pupil: Actor
) -> None:
    kept, gone = say(services, pupil, "first"), say(services, pupil, "insult")
    services.changes.edit(pupil, ROOM, kept, "second")
    services.changes.edit(pupil, ROOM, gone, "harmless")
    services.changes.delete_in(owner, ROOM, gone)

    def words() -> list[tuple[str, str, dict[str, str], dict[str, str]]]:
        found = services.audit.of_room(owner, ROOM, Page(10))
        return [(entry.actor, entry.action, entry.before, entry.after) for entry in reversed(found)]

    edited = ("pupil", "message_edited", {"content": "first"}, {"content": "second"})
    assert words() == [
        edited,
        ("pupil", "message_edited", {"content": "insult"}, {"content": "harmless"}),
        ("owner", "message_deleted", {"content": "harmless"}, {}),
    ]
    clock.advance(HALF_A_DAY - 10)
    services.audit.purge()
    assert len(words()[1][2]) == 1
    clock.advance(20)
    services.audit.purge()
    assert words() == [edited, ("pupil", "message_edited", {}, {}), ("owner", "message_deleted", {}, {})]
    services.rooms.delete(owner, ROOM)
    services.purger.purge()
    services.audit.purge()
    with services.store.read() as connection:
        assert "first" not in str(connection.execute(select(AuditRow.before)).all())


def test_a_direct_conversation_has_no_log(services: Services, owner: Actor, pupil: Actor) -> None:
    services.friends.request(owner, pupil.user_id, "")
    services.friends.accept(pupil, owner.user_id, pupil.user_id, "hello")
    room = next(room.id for room in services.rooms.joined(pupil) if room.access is Access.DIRECT)
    sent = services.messages.send(pupil, room, Draft(text="dear"))
    services.changes.edit(pupil, room, sent.id, "Dear")
    assert log_of(services) == []
