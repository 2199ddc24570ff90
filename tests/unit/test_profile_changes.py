"""Changed names, badges and avatars are told to the readers of their user's rooms."""

import base64
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from chat.errors import ErrorCode
from chat.models import Access, Actor, EventKind, EventRow
from chat.security.limits import ACTS
from chat.services import Services, profile_changes
from chat.services.profiles import Changes
from tests.conftest import FakeClock, sign_up
from tests.pictures import picture
from tests.unit.bounds import code_of

HERE = "192.0.2.1"
AVATAR = base64.b64encode(picture()).decode()


def import_roster(chat: Services, _actor: Actor) -> None:
    content = b"username,name\nbob,Robert\nzoe,Zoe\n"
    chat.roster_imports.import_now(content, resets_passwords=False, told=lambda _: None)


WAYS: dict[str, Callable[[Services, Actor], object]] = {
    "nickname": lambda chat, actor: chat.profiles.present(actor, "Robert", None),
    "avatar": lambda chat, actor: chat.profiles.present(actor, None, AVATAR),
    "ims": lambda chat, actor: chat.profiles.change(actor, "secret1", Changes(nickname="Robert"), HERE),
    "rename": lambda chat, actor: chat.teachers.rename(None, "bob", "robert", None),
    "badge": lambda chat, actor: chat.teachers.appoint(None, "bob", is_teacher=True),
    "roster": import_roster,
    "erasing": lambda chat, _actor: chat.eraser.erase(),
}


def told_since(chat: Services, last: int) -> set[tuple[str, int]]:
    with chat.store.read() as connection:
        rows = connection.execute(select(EventRow.kind, EventRow.subject_id).where(EventRow.id > last))
        return {(row.kind, row.subject_id) for row in rows}


def newest_event(chat: Services) -> int:
    with chat.store.read() as connection:
        return connection.execute(select(func.coalesce(func.max(EventRow.id), 0))).scalar_one()


@pytest.mark.parametrize("way", WAYS)
def test_readers_hear_of_each_way_to_change_a_profile(services: Services, clock: FakeClock, way: str) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    shared = services.rooms.create_titled(alice, "shared", access=Access.OPEN).id
    foreign = services.rooms.create_titled(alice, "foreign", access=Access.OPEN).id
    services.memberships.join(bob, shared)
    if way == "erasing":
        services.profiles.delete(bob)
        clock.advance(13 * 3600)
    last = newest_event(services)
    WAYS[way](services, bob)
    told = told_since(services, last)
    assert {(EventKind.PROFILE, bob.user_id), (EventKind.MEMBERS, shared)} <= told
    assert (EventKind.MEMBERS, foreign) not in told


def test_one_change_tells_a_bounded_number_of_rooms(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_changes, "MOST_ROOMS", 3)
    bob = sign_up(services, "bob")
    for number in range(5):
        services.rooms.create_titled(bob, f"room {number}", access=Access.OPEN)
    last = newest_event(services)
    services.profiles.present(bob, "Robert", None)
    assert len([kind for kind, _ in told_since(services, last) if kind == EventKind.MEMBERS]) == 3


def test_profiles_are_changed_as_often_as_rooms(services: Services) -> None:
    bob = sign_up(services, "bob")
    for number in range(ACTS.burst):
        services.profiles.present(bob, f"Bob {number}", None)
    assert code_of(lambda: services.profiles.present(bob, "Robert", None)) is ErrorCode.RATE_LIMITED
