"""Accounts, friends, teachers and rosters."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from chat.errors import ErrorCode
from chat.models import FriendGroupMember, Friendship, Room, User
from chat.services.credentials import Proven
from chat.services.profiles import Changes
from tests.conftest import sign_up
from tests.real_server import wait_until
from tests.unit.races.conftest import ADDRESS, ROUNDS, Two, somebody_waits

pytestmark = [pytest.mark.postgresql_only, pytest.mark.acceptance(2)]


def test_no_two_accounts_share_a_name_to_log_in_with(two: Two) -> None:
    for n in range(ROUNDS):
        sign_up(two.one, f"changer{n}")
        name = f"wanted{n}@example.com"
        changer = two.one.accounts.log_in(f"changer{n}", "secret1", ADDRESS)
        actor = two.one.sessions.resolve(changer[1].id, changer[0])
        assert actor is not None
        refused = two.at_once(
            lambda: two.one.profiles.change(actor, "secret1", Changes(email=name), ADDRESS),
            lambda: two.two.accounts.register(name[:32], "secret1", ADDRESS),
        )
        assert sorted(map(str, refused)) == sorted(map(str, [None, ErrorCode.USERNAME_TAKEN]))
        called = (User.username_key == name) | (User.email_key == name)
        assert len(two.rows(User.id, where=called)) == 1


def test_one_friend_request_at_the_same_moment_is_one(two: Two) -> None:
    olga = two.people[0]
    for n in range(ROUNDS):
        other = sign_up(two.one, f"asked {n}")
        refused = two.at_once(*[lambda s=s: s.friends.request(olga, other.user_id, "") for s in (two.one, two.two)])
        assert sorted(map(str, refused)) == sorted(map(str, [None, ErrorCode.REQUEST_PENDING]))


def test_crossing_acceptances_make_one_friendship(two: Two) -> None:
    olga = two.people[0]
    for n in range(ROUNDS):
        other = sign_up(two.one, f"friend {n}")
        two.one.friends.request(olga, other.user_id, "")
        two.one.friends.request(other, olga.user_id, "")
        refused = two.at_once(
            lambda: two.one.friends.accept(olga, other.user_id, olga.user_id, "hello"),
            lambda: two.two.friends.accept(other, olga.user_id, other.user_id, "hello"),
        )
        assert sorted(map(str, refused)) == sorted(map(str, [None, ErrorCode.ALREADY_FRIENDS]))
        pair = (Friendship.low_id == olga.user_id) & (Friendship.high_id == other.user_id)
        assert len(two.rows(Friendship.id, where=pair)) == 1


def test_an_unfriended_user_is_in_no_group_of_friends(two: Two) -> None:
    olga, mia, *_ = two.people
    two.one.friend_groups.create(olga, "close")
    ((group, _),) = two.one.friend_groups.all(olga)
    for _ in range(ROUNDS):
        two.befriend(olga, mia)
        two.at_once(
            lambda: two.one.friends.remove(mia, olga.user_id),
            lambda: two.two.friend_groups.add(olga, group, mia.user_id),
        )
        assert two.rows(FriendGroupMember.user_id, where=FriendGroupMember.group_id == group) == []


def test_a_nickname_is_not_anothers_username_taken_at_the_same_moment(two: Two) -> None:
    mia = two.people[1]
    for n in range(ROUNDS):
        name = f"wanted {n}"
        refused = two.at_once(
            lambda: two.one.profiles.present(mia, name, None),
            lambda: two.two.accounts.register(name, "secret1", ADDRESS),
        )
        assert sorted(map(str, refused)) in (
            sorted(map(str, [None, ErrorCode.USERNAME_TAKEN])),
            sorted(map(str, [None, ErrorCode.NICKNAME_TAKEN])),
        )


def test_a_name_changed_by_its_user_and_a_teacher_at_once_does_not_deadlock(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both lock the name and the user's row, so in one order."""
    mia = two.people[1]
    has_row = threading.Event()
    require_still = Proven.require_still

    def lock_and_wait(self: Proven, tx: Any) -> None:
        require_still(self, tx)
        has_row.set()
        wait_until(lambda: somebody_waits(two), "the teacher waits")

    def rename() -> None:
        assert has_row.wait(10)
        two.two.teachers.rename(None, "mia", None, "by the teacher")

    monkeypatch.setattr(Proven, "require_still", lock_and_wait)
    changes = Changes(nickname="By the Teacher")
    assert two.at_once(lambda: two.one.profiles.change(mia, "secret1", changes, ADDRESS), rename) == [None, None]
    assert two.rows(User.nickname, where=User.id == mia.user_id) == [("by the teacher",)]


def test_two_teachers_who_revoke_each_other_leave_one(two: Two) -> None:
    olga, mia, *_ = two.people
    for _ in range(ROUNDS):
        for each in (olga, mia):
            two.one.teachers.appoint(None, each.username, is_teacher=True)
        teachers = [replace(each, is_teacher=True) for each in (olga, mia)]
        refused = two.at_once(
            lambda: two.one.teachers.appoint(teachers[0], mia.username, is_teacher=False),
            lambda: two.two.teachers.appoint(teachers[1], olga.username, is_teacher=False),
        )
        assert None in refused
        assert two.one.site.has_teacher()


def test_site_settings_changed_at_once_are_changed_once(two: Two) -> None:
    for number in range(ROUNDS):
        version = two.one.site.settings().version
        changes = {"pupils_make_rooms": number % 2 == 1}  # other than before: what changes nothing is no change
        refused = two.at_once(*[lambda s=s: s.site.change(None, version, changes) for s in (two.one, two.two)])
        assert sorted(map(str, refused)) == sorted(map(str, [None, ErrorCode.SETTINGS_CHANGED]))
        assert two.one.site.settings().version == version + 1


def test_a_roster_and_an_address_at_once_share_no_name_to_log_in_with(two: Two) -> None:
    for n in range(ROUNDS):
        name, nickname = f"roster{n}@example.com", f"Wanted By Both {n}"
        sign_up(two.one, f"mover{n}")
        user_id, session = two.one.accounts.log_in(f"mover{n}", "secret1", ADDRESS)
        actor = two.one.sessions.resolve(session.id, user_id)
        assert actor is not None
        content = f"username,name,password\n{name},{nickname},secret12\n".encode()
        refused = two.at_once(
            lambda: two.one.profiles.change(actor, "secret1", Changes(email=name), ADDRESS),
            lambda: two.two.roster_imports.import_now(content, resets_passwords=False, told=lambda _: None),
        )
        assert refused[0] in (None, ErrorCode.USERNAME_TAKEN)
        assert refused[1] in (None, ErrorCode.ROSTER_INVALID, ErrorCode.ROSTER_CHANGED)
        assert refused.count(None) == 1
        called = (User.username_key == name) | (User.email_key == name)
        assert len(two.rows(User.id, where=called)) == 1


def test_a_roster_waits_for_an_address_that_is_being_set(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both locks names before they look; without that the roster sees no address, which is not committed yet."""
    mia = two.people[1]
    has_names = threading.Event()
    require_still = Proven.require_still

    def lock_and_wait(self: Proven, tx: Any) -> None:
        require_still(self, tx)
        has_names.set()
        wait_until(lambda: somebody_waits(two), "the roster waits")

    def bring() -> None:
        assert has_names.wait(10)
        content = b"username,name,password\nmia@example.com,Other Mia,secret12\n"
        two.two.roster_imports.import_now(content, resets_passwords=False, told=lambda _: None)

    monkeypatch.setattr(Proven, "require_still", lock_and_wait)
    changes = Changes(email="mia@example.com")
    refused = two.at_once(lambda: two.one.profiles.change(mia, "secret1", changes, ADDRESS), bring)
    assert refused == [None, ErrorCode.ROSTER_CHANGED]


def test_one_roster_imported_at_once_makes_each_account_once(two: Two) -> None:
    for n in range(3):
        content = f"username,name,password,rooms\nroster{n},Name {n},secret12,class {n}\n".encode()
        two.at_once(
            *[
                lambda s=s: s.roster_imports.import_now(content, resets_passwords=False, told=lambda _: None)
                for s in (two.one, two.two)
            ]
        )
        assert len(two.rows(User.id, where=User.username_key == f"roster{n}")) == 1
        assert len(two.rows(Room.id, where=Room.name_key == f"class {n}")) == 1
