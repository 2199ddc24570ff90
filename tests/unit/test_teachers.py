"""Teachers: becoming one, their rights in rooms, and their management of accounts."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import update

from chat.errors import ErrorCode
from chat.models import Access, Actor, Role, User
from chat.services import Services
from chat.services.messages import Draft
from chat.services.paging import Page
from chat.services.profiles import Changes
from chat.services.sessions import SessionState
from chat.services.site import Registration
from chat.services.teachers import easy_password
from tests.conftest import FakeClock, again, sign_up
from tests.unit.bounds import refused

HERE = "192.0.2.1"


@pytest.fixture
def pupil(services: Services) -> Actor:
    return sign_up(services, "pupil")


def test_the_first_teachers_link_is_good_once(services: Services, pupil: Actor) -> None:
    old, new = services.site.new_claim(), services.site.new_claim()
    assert old
    assert new
    refused(ErrorCode.CLAIM_INVALID, lambda: services.teachers.claim(pupil, old))  # a later start printed another
    refused(ErrorCode.CLAIM_INVALID, lambda: services.teachers.claim(pupil, ""))
    services.teachers.claim(pupil, new)
    assert again(services, pupil).is_teacher
    other = sign_up(services, "other")
    refused(ErrorCode.CLAIM_INVALID, lambda: services.teachers.claim(other, new))
    assert services.site.new_claim() is None  # nothing to print any more


def test_a_link_dies_where_somebody_becomes_the_teacher_otherwise(services: Services, pupil: Actor) -> None:
    token = services.site.new_claim()
    services.teachers.appoint(None, "pupil", is_teacher=True)
    services.teachers.appoint(None, "pupil", is_teacher=False)
    assert token
    refused(ErrorCode.CLAIM_INVALID, lambda: services.teachers.claim(pupil, token))


def test_teachers_make_further_ones_and_the_last_cannot_revoke_themself(
    services: Services, teacher: Actor, pupil: Actor
) -> None:
    refused(ErrorCode.NOT_TEACHER, lambda: services.teachers.appoint(pupil, "pupil", is_teacher=True))
    refused(ErrorCode.LAST_TEACHER, lambda: services.teachers.appoint(teacher, "teacher", is_teacher=False))
    refused(ErrorCode.LAST_TEACHER, lambda: services.profiles.delete(teacher))
    refused(ErrorCode.USER_NOT_FOUND, lambda: services.teachers.appoint(teacher, "nobody", is_teacher=True))
    services.teachers.appoint(teacher, "pupil", is_teacher=True)
    services.teachers.appoint(teacher, "teacher", is_teacher=False)
    assert not again(services, teacher).is_teacher
    refused(
        ErrorCode.LAST_TEACHER, lambda: services.teachers.appoint(again(services, pupil), "pupil", is_teacher=False)
    )


@pytest.mark.parametrize("passwd", ["", "sesame"])
def test_a_teacher_acts_as_the_owner_of_rooms_they_are_not_in(
    services: Services, teacher: Actor, pupil: Actor, passwd: str
) -> None:
    services.rooms.create(pupil, "club", "public", passwd)
    written = services.messages.send(pupil, "club", Draft(text="hello"))
    assert [m.content for m in services.messages.history(teacher, "club", None, 10)] == ["hello"]
    assert [m.username for m in services.memberships.members(teacher, "club")] == ["pupil"]
    services.changes.delete(teacher, written.id)
    assert services.messages.history(pupil, "club", None, 10) == []
    services.messages.send(teacher, "club", Draft(text="order"))
    refused(ErrorCode.ROOM_NOT_FOUND, lambda: services.memberships.leave(teacher, "club"))  # still not a member
    assert services.memberships.join(teacher, "club", "")
    services.memberships.leave(teacher, "club")
    services.rooms.delete(teacher, "club", "")
    refused(ErrorCode.ROOM_NOT_FOUND, lambda: services.messages.history(pupil, "club", None, 10))


def test_a_teacher_who_hands_a_room_on_leaves_it_with_one_owner(
    services: Services, teacher: Actor, pupil: Actor
) -> None:
    heir = sign_up(services, "heir")
    services.rooms.create(pupil, "club")
    services.memberships.join(heir, "club", "")
    room_id = services.rooms.view(pupil, "club").id
    services.groups.transfer(teacher, room_id, heir.user_id)
    roles = {m.username: m.role for m in services.memberships.members(heir, "club")}
    assert roles == {"pupil": Role.MEMBER, "heir": Role.OWNER}


def test_private_rooms_stay_private(services: Services, teacher: Actor, pupil: Actor) -> None:
    room = services.rooms.create_titled(pupil, "secret", access=Access.INVITE)
    written = services.messages.send(pupil, room.id, Draft(text="x"))
    for act in (
        lambda: services.messages.history(teacher, room.id, None, 10),
        lambda: services.messages.send(teacher, room.id, Draft(text="x")),
        lambda: services.memberships.members(teacher, room.id),
        lambda: services.memberships.join(teacher, room.id),
        lambda: services.rooms.delete(teacher, room.id),
    ):
        refused(ErrorCode.ROOM_NOT_FOUND, act)
    refused(ErrorCode.FORBIDDEN, lambda: services.changes.delete(teacher, written.id))
    assert [each.name for each in services.rooms.find(teacher, unread=False)] == ["public"]
    services.memberships.add(pupil, room.id, "teacher")
    refused(ErrorCode.FORBIDDEN, lambda: services.rooms.delete(teacher, room.id))  # in it as a member like others


def test_in_the_lobby_teachers_keep_order_and_nobody_deletes_it(
    services: Services, teacher: Actor, pupil: Actor
) -> None:
    written = services.messages.send(pupil, "public", Draft(text="x"))
    services.changes.delete(teacher, written.id)
    assert services.messages.history(pupil, "public", None, 10) == []
    refused(ErrorCode.FORBIDDEN, lambda: services.rooms.delete(teacher, "public"))
    refused(ErrorCode.FORBIDDEN, lambda: services.groups.remove(teacher, 1, pupil.user_id))


def test_a_disabled_account_is_out_at_once_and_comes_back(services: Services, teacher: Actor, pupil: Actor) -> None:
    begun = services.clock() / 1e6
    refused(ErrorCode.NOT_TEACHER, lambda: services.teachers.set_disabled(pupil, "teacher", is_disabled=True))
    refused(ErrorCode.SELF_MEANT, lambda: services.teachers.set_disabled(teacher, "teacher", is_disabled=True))
    services.teachers.set_disabled(teacher, "pupil", is_disabled=True)
    assert services.sessions.resolve(pupil.session_id, pupil.user_id) is None
    assert services.sessions.state(pupil.session_id, pupil.user_id, begun)[0] is SessionState.DISABLED
    refused(ErrorCode.DISABLED, lambda: services.accounts.log_in("pupil", "secret1", HERE))
    refused(ErrorCode.CREDENTIALS_WRONG, lambda: services.accounts.log_in("pupil", "wrong", HERE))  # tells nothing
    refused(ErrorCode.USERNAME_TAKEN, lambda: services.accounts.create("pupil", "secret1", HERE))
    services.teachers.set_disabled(teacher, "pupil", is_disabled=False)
    assert services.accounts.log_in("pupil", "secret1", HERE)


def test_two_teachers_who_shut_each_other_out_at_once_leave_one(
    services: Services, teacher: Actor, pupil: Actor
) -> None:
    services.teachers.appoint(teacher, "pupil", is_teacher=True)
    late = again(services, pupil)  # a request of theirs that comes after the revocation
    services.teachers.appoint(teacher, "pupil", is_teacher=False)
    refused(ErrorCode.LAST_TEACHER, lambda: services.teachers.set_disabled(late, "teacher", is_disabled=True))
    refused(ErrorCode.LAST_TEACHER, lambda: services.teachers.delete(late, "teacher"))
    assert again(services, teacher).is_teacher


def test_a_one_time_password_must_be_changed(services: Services, teacher: Actor, pupil: Actor) -> None:
    password = services.teachers.reset_password(teacher, "pupil")
    assert services.sessions.resolve(pupil.session_id, pupil.user_id) is None
    refused(ErrorCode.CREDENTIALS_WRONG, lambda: services.accounts.log_in("pupil", "secret1", HERE))
    user_id, session = services.accounts.log_in("pupil", password, HERE)
    actor = services.sessions.resolve(session.id, user_id)
    assert actor is not None
    assert services.profiles.own(actor).must_change_password
    services.profiles.change(actor, password, Changes(password=password), HERE)
    assert services.profiles.own(again(services, actor)).must_change_password  # it is still the one on paper
    services.profiles.change(actor, password, Changes(password="my own one"), HERE)
    assert not services.profiles.own(again(services, actor)).must_change_password


@pytest.mark.parametrize(("least", "chars"), [(1, 12), (6, 12), (12, 12), (13, 14), (128, 128)])
def test_one_time_passwords_are_as_long_as_they_must_be(least: int, chars: int) -> None:
    made = easy_password(least)
    assert len(made) == chars
    assert made.isalnum()
    assert made == made.lower()


def test_a_teachers_deletion_is_for_good(services: Services, teacher: Actor) -> None:
    _, _, restored = services.accounts.register_by_email("kim@example.com", "secret1", "Kim", HERE)
    assert not restored
    services.teachers.delete(teacher, "kim@example.com")
    refused(
        ErrorCode.DISABLED,
        lambda: services.accounts.register_by_email("kim@example.com", "secret1", "Kim", HERE),
    )
    assert [person.username for person in services.teachers.people(teacher, Page())] == ["teacher"]


def test_renaming(services: Services, teacher: Actor, pupil: Actor) -> None:
    refused(ErrorCode.USERNAME_TAKEN, lambda: services.teachers.rename(teacher, "pupil", "Teacher", None))
    refused(ErrorCode.USERNAME_INVALID, lambda: services.teachers.rename(teacher, "pupil", " x", None))
    refused(ErrorCode.FIELD_INVALID, lambda: services.teachers.rename(teacher, "pupil", None, "\n"))
    services.teachers.rename(teacher, "pupil", "xiaoming", "王小明")
    renamed = again(services, pupil)  # and still logged in
    assert (renamed.username, renamed.nickname) == ("xiaoming", "王小明")
    assert services.accounts.log_in("XiaoMing", "secret1", HERE)


def test_people_are_paged_and_searched(services: Services, teacher: Actor) -> None:
    for number in range(7):
        sign_up(services, f"pupil {number}")
    first = services.teachers.people(teacher, Page(limit=5))
    second = services.teachers.people(teacher, Page(limit=5, after=first.next))
    names = [person.username for person in (*first, *second)]
    assert names == ["teacher", *(f"pupil {number}" for number in range(7))]
    assert second.next == ""
    assert [p.username for p in services.teachers.people(teacher, Page(limit=5, search="L 3"))] == ["pupil 3"]
    assert services.teachers.count(teacher) == 8
    refused(ErrorCode.NOT_TEACHER, lambda: services.teachers.people(sign_up(services, "x"), Page()))


def test_two_teachers_who_change_the_settings_at_once(services: Services, teacher: Actor) -> None:
    seen = services.site.settings_for(teacher)
    services.site.change(teacher, seen.version, {"name": "7b"})
    refused(ErrorCode.SETTINGS_CHANGED, lambda: services.site.change(teacher, seen.version, {"name": "8c"}))
    assert services.site.settings().name == "7b"
    refused(ErrorCode.FIELD_INVALID, lambda: services.site.change(teacher, 1, {"name": " x"}))
    assert services.site.settings().version == 1


@pytest.mark.both_databases
def test_settings_of_the_site_hold_in_other_processes_at_once(services: Services, other: Services) -> None:
    assert other.site.settings().registration is Registration.OPEN
    services.site.change(None, 0, {"registration": Registration.CLOSED})
    refused(ErrorCode.REGISTRATION_CLOSED, lambda: other.accounts.create("x", "secret1", HERE))


def test_what_pupils_may_make_is_a_setting(services: Services, teacher: Actor, pupil: Actor) -> None:
    settings = services.site.change(teacher, 0, {"private_rooms": False})
    refused(ErrorCode.PRIVATE_ROOMS_OFF, lambda: services.rooms.create_titled(pupil, "x", access=Access.INVITE))
    refused(ErrorCode.PRIVATE_ROOMS_OFF, lambda: services.groups.create(pupil, "x", []))
    services.rooms.create(pupil, "locked", "private", "sesame")  # which teachers may enter
    services.site.change(teacher, settings.version, {"pupils_make_rooms": False})
    refused(ErrorCode.ROOMS_BY_TEACHERS, lambda: services.rooms.create(pupil, "open"))
    refused(ErrorCode.ROOMS_BY_TEACHERS, lambda: services.rooms.create_titled(pupil, "x", access=Access.OPEN))
    services.rooms.create_titled(teacher, "theirs", access=Access.INVITE)


def test_direct_conversations_are_a_setting(services: Services, teacher: Actor, pupil: Actor) -> None:
    other = sign_up(services, "other")
    services.site.change(teacher, 0, {"direct_conversations": False})
    services.friends.request(pupil, other.user_id, "")
    refused(ErrorCode.DIRECTS_OFF, lambda: services.friends.accept(other, pupil.user_id, other.user_id, "hello"))
    services.friends.request(pupil, teacher.user_id, "")
    services.friends.accept(teacher, pupil.user_id, teacher.user_id, "hello")
    services.friends.remove(pupil, teacher.user_id)
    services.friends.request(teacher, pupil.user_id, "")
    services.friends.accept(pupil, teacher.user_id, pupil.user_id, "hello")  # the conversation that they had


def test_registration_by_code(services: Services, teacher: Actor, clock: FakeClock) -> None:
    settings = services.site.change(teacher, 0, {"registration": Registration.CODE})
    assert len(settings.code) == 6
    for code in (None, "", "ABCDEF", settings.code[:5]):
        refused(ErrorCode.JOIN_CODE_WRONG, partial(services.accounts.create, "x", "secret1", HERE, code=code))
    services.accounts.create("x", "secret1", HERE, code=f" {settings.code[:3].lower()}-{settings.code[3:]}")
    renewed = services.site.change(teacher, 1, {}, new_code=True)
    refused(ErrorCode.JOIN_CODE_WRONG, lambda: services.accounts.create("y", "secret1", HERE, code=settings.code))
    services.accounts.create("y", "secret1", HERE, code=renewed.code)
    for _ in range(17):
        refused(ErrorCode.JOIN_CODE_WRONG, lambda: services.accounts.create("z", "secret1", HERE, code="ABCDEF"))
    for code in ("ABCDEF", renewed.code):  # a right guess among many wrong ones tells nothing
        refused(ErrorCode.RATE_LIMITED, partial(services.accounts.create, "z", "secret1", HERE, code=code))
    services.accounts.create("z", "secret1", "192.0.2.99", code=renewed.code)
    clock.advance(60)
    services.accounts.create("w", "secret1", HERE, code=renewed.code)


def test_closed_registration_lets_the_first_teacher_in(make_services: Callable[..., Services]) -> None:
    services = make_services(registration="closed")
    refused(ErrorCode.REGISTRATION_CLOSED, lambda: services.accounts.create("x", "secret1", HERE))
    token = services.site.new_claim()
    user_id, session = services.accounts.register("teacher", "secret1", HERE, code=token)
    actor = services.sessions.resolve(session.id, user_id)
    assert actor is not None
    assert token is not None
    services.teachers.claim(actor, token)
    refused(ErrorCode.REGISTRATION_CLOSED, lambda: services.accounts.create("x", "secret1", HERE, code=token))
    services.site.change(again(services, actor), 0, {"registration": Registration.OPEN})
    services.accounts.create("x", "secret1", HERE)


def test_a_deleted_account_may_be_restored_while_registration_is_closed(services: Services, teacher: Actor) -> None:
    user_id, session, _ = services.accounts.register_by_email("kim@example.com", "secret1", "Kim", HERE)
    actor = services.sessions.resolve(session.id, user_id)
    assert actor is not None
    services.profiles.delete(actor)
    services.site.change(teacher, 0, {"registration": Registration.CLOSED})
    assert services.accounts.register_by_email("kim@example.com", "secret1", "Kim", HERE)[2]


def test_a_disabled_teacher_does_not_count(services: Services, teacher: Actor) -> None:
    with services.store.write() as tx:
        tx.execute(update(User).where(User.id == teacher.user_id).values(disabled_at=1))
    assert not services.site.has_teacher()
