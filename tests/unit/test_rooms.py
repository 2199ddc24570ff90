"""Rooms: who owns them, their titles, names and lists."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from sqlalchemy import update

from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Membership, Role, Room, User
from chat.services import Services
from chat.services.access import FoundRoom, RoomRef, UserRef
from chat.services.messages import Draft
from chat.services.permissions import ALLOWED, NOT_IN_LOBBY, OF_TEACHERS, Action, allows, require
from tests.conftest import FakeClock, sign_up


def roles(services: Services, room: str, asker: str) -> dict[str, Role]:
    actor = next(a for a in ACTORS[services] if a.username == asker)
    return {member.username: member.role for member in services.memberships.members(actor, room)}


ACTORS: dict[Services, list[Actor]] = {}


def crowd(services: Services, *names: str) -> list[Actor]:
    ACTORS[services] = [sign_up(services, name) for name in names]
    return ACTORS[services]


def test_an_owner_passes_the_room_to_the_longest_standing_admin_else_member(services: Services) -> None:
    alice, bob, carol, dave = crowd(services, "alice", "bob", "carol", "dave")
    services.rooms.create(alice, "club", "public", "")
    for actor in (bob, carol, dave):
        services.memberships.join(actor, "club", "")
    with services.store.write() as tx:
        tx.execute(update(Membership).where(Membership.user_id == dave.user_id).values(role=Role.ADMIN))
    services.memberships.leave(alice, "club")
    assert roles(services, "club", "bob") == {"bob": Role.MEMBER, "carol": Role.MEMBER, "dave": Role.OWNER}
    services.memberships.leave(dave, "club")
    assert roles(services, "club", "bob")["bob"] is Role.OWNER


def test_a_deleted_account_counts_nowhere_and_inherits_nothing(services: Services, clock: FakeClock) -> None:
    alice, bob = crowd(services, "alice", "bob")
    services.rooms.create(alice, "club", "public", "")
    services.memberships.join(bob, "club", "")
    with services.store.write() as tx:
        tx.execute(update(User).where(User.id == bob.user_id).values(deleted_at=clock()))
    room = next(r for r in services.rooms.find(alice, unread=False) if r.name == "club")
    assert room.member_count == 1
    assert list(roles(services, "club", "alice")) == ["alice"]
    assert services.sessions.resolve(bob.session_id, bob.user_id) is None
    with pytest.raises(ChatError) as caught:
        services.accounts.log_in("bob", "secret1", "192.0.2.1")
    assert caught.value.code is ErrorCode.CREDENTIALS_WRONG
    services.memberships.leave(alice, "club")  # no member is left to inherit it
    assert [r.name for r in services.rooms.find(alice, unread=False)] == ["public"]


def test_an_invitation_only_room_does_not_exist_for_others(services: Services) -> None:
    alice, bob = crowd(services, "alice", "bob")
    services.rooms.create(alice, "club", "public", "")
    with services.store.write() as tx:
        tx.execute(update(Room).where(Room.name == "club").values(access=Access.INVITE))
    assert [r.name for r in services.rooms.find(bob, unread=True)] == ["public"]
    assert [r.name for r in services.rooms.find(alice, unread=True)] == ["public", "club"]
    for attempt in (
        lambda: services.memberships.join(bob, "club", ""),
        lambda: services.memberships.leave(bob, "club"),
        lambda: services.rooms.delete(bob, "club", ""),
        lambda: services.memberships.members(bob, "club"),
        lambda: services.messages.send(bob, "club", Draft(text="x")),
        lambda: services.messages.history(bob, "club", None, 10),
        lambda: services.pulls.since(bob, {"club": 0}, 10),
    ):
        with pytest.raises(ChatError) as caught:
            attempt()
        assert caught.value.code is ErrorCode.ROOM_NOT_FOUND
    with pytest.raises(ChatError) as caught:
        services.rooms.create(bob, "club", "public", "")
    assert caught.value.code is ErrorCode.ROOM_NAME_TAKEN


def test_joining_sets_the_read_mark_to_the_rooms_now(services: Services, clock: FakeClock) -> None:
    alice, bob = crowd(services, "alice", "bob")
    services.rooms.create(alice, "club", "public", "")
    services.messages.send(alice, "club", Draft(text="before"))
    clock.now -= 3600 * SECOND  # even if the clock jumps back
    services.memberships.join(bob, "club", "")
    services.messages.send(alice, "club", Draft(text="after"))
    assert [r.unread for r in services.rooms.find(bob, unread=True) if r.name == "club"] == [1]


def test_lists_are_capped(services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.services.paging.LIST_CAP", 3)
    alice, bob = crowd(services, "alice", "bob")
    for number in range(5):
        services.rooms.create(bob, f"room {number}", "public", "")
    services.rooms.create(alice, "mine", "public", "")
    names = [r.name for r in services.rooms.find(alice, unread=True)]
    assert names == ["public", "mine", "room 4"]  # of the others, the newest
    clock.advance(1)
    services.messages.send(bob, "room 1", Draft(text="news"))
    names = [r.name for r in services.rooms.find(alice, unread=True)]
    assert names == ["public", "mine", "room 1"]


@pytest.mark.parametrize("action", Action)
def test_the_table_of_permissions(action: Action) -> None:
    for access, role in product(Access, [None, *Role]):
        is_allowed = True
        try:
            require(action, FoundRoom(1, access, None, False, role))
        except ChatError:
            is_allowed = False
        assert is_allowed is (role in ALLOWED[action][access]), (access, role)


@pytest.mark.parametrize("action", Action)
def test_teachers_have_the_owners_rights_but_in_private_rooms(action: Action) -> None:
    for access, role, is_lobby in product(Access, [None, *Role], [False, True]):
        rights = Role.OWNER if access is Access.OPEN else role
        is_allowed = rights in ALLOWED[action][access] and not (is_lobby and action in NOT_IN_LOBBY)
        is_allowed = is_allowed or action in OF_TEACHERS
        room = FoundRoom(1, access, None, is_lobby, role, True)
        assert allows(action, room) is is_allowed, (access, role, is_lobby)


def test_titles_repeat_and_names_do_not(services: Services, clock: FakeClock) -> None:
    alice, bob = crowd(services, "alice", "bob")
    first = services.rooms.create_titled(alice, "Room1", access=Access.INVITE, description="where we work")
    clock.advance(5)
    second = services.rooms.create_titled(bob, "rＯom1", access=Access.OPEN)
    assert (first.title, first.name, first.description) == ("Room1", "Room1", "where we work")
    assert (second.title, second.name, second.description) == ("rＯom1", f"rＯom1 #{second.id}", "")
    assert first.created_at == first.updated_at == second.created_at - 5 * SECOND
    assert (first.role, first.member_count, first.access) == (Role.OWNER, 1, Access.INVITE)
    services.rooms.delete(alice, first.id)  # frees the name
    assert services.rooms.create_titled(alice, "ROOM1", access=Access.OPEN).name == "ROOM1"


@pytest.mark.parametrize("title", ["status", "Feedback", "homework #7", "public"])
def test_a_title_that_no_name_may_be_gets_a_number(services: Services, title: str) -> None:
    alice = sign_up(services, "alice")
    room = services.rooms.create_titled(alice, title, access=Access.OPEN)
    assert room.name == f"{title} #{room.id}"
    assert [m.username for m in services.memberships.members(alice, room.name)] == ["alice"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"title": ""}, ErrorCode.ROOM_NAME_INVALID),
        ({"title": "x" * 61}, ErrorCode.ROOM_NAME_INVALID),
        ({"description": "x" * 1001}, ErrorCode.FIELD_INVALID),
        ({"members": ["bob", "nobody"]}, ErrorCode.USER_NOT_FOUND),
    ],
)
def test_invalid_rooms_are_refused_completely(services: Services, given: dict[str, Any], code: ErrorCode) -> None:
    alice, _ = crowd(services, "alice", "bob")
    with pytest.raises(ChatError) as caught:
        services.rooms.create_titled(alice, **{"title": "x", "access": Access.OPEN, **given})
    assert caught.value.code is code
    assert [room.name for room in services.rooms.find(alice, unread=False)] == ["public"]


def test_a_room_made_with_members_has_each_once(services: Services) -> None:
    alice, bob, carol = crowd(services, "alice", "bob", "carol")
    members: list[UserRef] = ["BOB", bob.user_id, "alice", carol.user_id]
    room = services.rooms.create_titled(alice, "club", access=Access.GROUP, members=members)
    assert room.member_count == 3
    found = [(m.username, m.role) for m in services.memberships.members(carol, room.id)]
    assert found == [("alice", Role.OWNER), ("bob", Role.MEMBER), ("carol", Role.MEMBER)]


def test_lists_by_permission(services: Services) -> None:
    alice, bob = crowd(services, "alice", "bob")
    services.rooms.create(alice, "locked", "private", "secret")
    services.rooms.create(alice, "open", "public", "")
    services.rooms.create_titled(alice, "hers", access=Access.INVITE)
    services.rooms.create_titled(bob, "his", access=Access.INVITE)
    services.memberships.leave(bob, "public")
    assert [(r.title, r.role) for r in services.rooms.joined(bob)] == [("his", Role.OWNER)]
    found = [(r.title, r.role) for r in services.rooms.enterable(bob)]
    assert found == [("his", Role.OWNER), ("public", None), ("open", None)]
    services.memberships.add(alice, "locked", "bob")
    assert [r.title for r in services.rooms.enterable(bob)] == ["locked", "his", "public", "open"]
    counts = {r.title: r.member_count for r in services.rooms.joined(alice)}
    assert counts == {"public": 1, "locked": 2, "open": 1, "hers": 1}


def uses_of(services: Services, actor: Actor, ref: RoomRef) -> list[Callable[[], object]]:
    """All that takes a room, by name or id."""
    return [
        lambda: services.memberships.join(actor, ref, ""),
        lambda: services.memberships.add(actor, ref, "alice"),
        lambda: services.memberships.leave(actor, ref),
        lambda: services.memberships.members(actor, ref),
        lambda: services.rooms.delete(actor, ref),
        lambda: services.messages.send(actor, ref, Draft(text="x")),
        lambda: services.messages.history(actor, ref, None, 10),
        lambda: services.tickets.issue(actor, ref),
    ]


@pytest.mark.parametrize("ref", [0, -1, 999, 2**63, -(2**63) - 1, 10**40, "999"])
def test_ids_that_are_no_rooms_are_not_found(services: Services, ref: int | str) -> None:
    alice = sign_up(services, "alice")
    for use in uses_of(services, alice, ref):
        with pytest.raises(ChatError) as caught:
            use()
        assert (caught.value.code, caught.value.data) == (ErrorCode.ROOM_NOT_FOUND, {"room": ref})


def test_a_room_is_found_by_id_by_its_members_only(services: Services) -> None:
    alice, bob = crowd(services, "alice", "bob")
    room = services.rooms.create_titled(alice, "club", access=Access.INVITE)
    for use in uses_of(services, bob, room.id):
        with pytest.raises(ChatError) as caught:
            use()
        assert caught.value.code is ErrorCode.ROOM_NOT_FOUND
    sent = services.messages.send(alice, room.id, Draft(text="by id"))
    assert services.messages.history(alice, room.id, None, 10) == [sent]
    assert services.messages.history(alice, "club", None, 10) == [sent]
    assert services.memberships.join(alice, room.id) is False
    services.memberships.add(alice, room.id, bob.user_id)
    services.memberships.leave(alice, room.id)
    services.rooms.delete(bob, room.id)
    assert [r.name for r in services.rooms.joined(bob)] == ["public"]


def test_protocols_without_passwds_are_not_asked_for_one(services: Services) -> None:
    alice, bob = crowd(services, "alice", "bob")
    services.rooms.create(alice, "locked", "private", "secret")
    room_id = services.rooms.joined(alice)[-1].id
    for use in (lambda: services.memberships.join(bob, room_id), lambda: services.rooms.delete(bob, room_id)):
        with pytest.raises(ChatError) as caught:
            use()
        assert caught.value.code is ErrorCode.FORBIDDEN
    with pytest.raises(ChatError) as caught:
        services.rooms.delete(alice, "locked", "")  # polling asks
    assert caught.value.code is ErrorCode.ROOM_PASSWD_WRONG
    services.rooms.delete(alice, room_id)
    assert [r.name for r in services.rooms.joined(alice)] == ["public"]


def test_changes_during_a_passwd_check_count(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = crowd(services, "alice", "bob")

    def meanwhile(change: Callable[[], object]) -> None:
        monkeypatch.setattr("chat.services.room_passwords.RoomPasswords.check", lambda *_: change())

    def made_anew() -> None:
        services.rooms.delete(alice, "club")
        services.rooms.create(alice, "club", "public", "")

    services.rooms.create(alice, "club", "public", "")
    for use in (lambda: services.rooms.delete(alice, "club", ""), lambda: services.memberships.join(bob, "club", "")):
        meanwhile(made_anew)
        with pytest.raises(ChatError) as caught:
            use()
        assert caught.value.code is ErrorCode.ROOM_NOT_FOUND
    services.memberships.add(alice, "club", "bob")
    meanwhile(lambda: services.memberships.leave(alice, "club"))
    with pytest.raises(ChatError) as caught:
        services.rooms.delete(alice, "club", "")
    assert caught.value.code is ErrorCode.FORBIDDEN
    assert roles(services, "club", "bob") == {"bob": Role.OWNER}
