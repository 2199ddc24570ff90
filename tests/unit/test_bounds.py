"""Per-person limits: each at its edge, by a clock that is moved, and concurrently."""

from collections.abc import Callable

import pytest

from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.models import Access
from chat.security.limits import ACTS
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import FakeClock, run_in_threads, sign_up
from tests.unit.bounds import befriend, code_of, crowd, make, owned

# Rooms made


def test_twenty_rooms_at_once_then_twenty_an_hour(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    for number in range(20):
        services.rooms.create(alice, f"room {number}")
    with pytest.raises(ChatError) as refused:
        services.rooms.create(alice, "one more")
    assert refused.value.code is ErrorCode.RATE_LIMITED
    assert refused.value.data["retry_after"] == 180
    clock.advance(179.9)
    assert code_of(lambda: make(services, alice)) is ErrorCode.RATE_LIMITED
    clock.advance(0.1)
    assert code_of(lambda: services.rooms.create(alice, "one more")) is None
    assert code_of(lambda: make(services, alice)) is ErrorCode.RATE_LIMITED
    clock.advance(3600)
    assert [code_of(lambda: make(services, alice)) for _ in range(21)].count(None) == 20
    assert code_of(lambda: make(services, sign_up(services, "bob"))) is None  # others have their own


def test_every_way_to_make_a_room_counts(limited: Callable[..., Services]) -> None:
    services = limited(rooms_at_once=4)
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    befriend(services, alice, bob)  # direct conversations have no owner
    ways: list[Callable[[], object]] = [
        lambda: services.rooms.create(alice, "polling's"),
        lambda: services.rooms.create(alice, "tcp's", members=["bob"]),
        lambda: services.rooms.create_titled(alice, "roomapi's and realtime's", access=Access.OPEN),
        lambda: services.groups.create(alice, "ims's", [bob.user_id]),
    ]
    assert [code_of(way) for way in ways] == [None] * 4
    again = [ways[2], ways[3], lambda: services.rooms.create(alice, "another")]
    assert [code_of(way) for way in again] == [ErrorCode.RATE_LIMITED] * 3
    assert owned(services, alice) == 4


def test_requests_refused_for_another_reason_do_not_count(limited: Callable[..., Services]) -> None:
    services = limited(rooms_at_once=1)
    alice = sign_up(services, "alice")
    for name in ("public", "", "status"):
        assert code_of(lambda n=name: services.rooms.create(alice, n)) is not None  # type: ignore[misc]
    assert code_of(lambda: services.rooms.create(alice, "x", members=["nobody"])) is ErrorCode.USER_NOT_FOUND
    assert code_of(lambda: services.rooms.create(alice, "x")) is None


def test_so_many_living_rooms_may_be_owned(limited: Callable[..., Services]) -> None:
    services = limited(rooms_owned=3, rate_limits=False)
    alice = sign_up(services, "alice")
    made = [make(services, alice) for _ in range(3)]
    with pytest.raises(ChatError) as refused:
        services.rooms.create(alice, "fourth")
    assert (refused.value.code, refused.value.data) == (ErrorCode.ROOMS_OWNED, {"limit": 3})
    services.rooms.delete(alice, made[0])
    assert code_of(lambda: services.rooms.create(alice, "fourth")) is None
    assert code_of(lambda: make(services, alice)) is ErrorCode.ROOMS_OWNED


def test_becoming_the_owner_is_no_making(limited: Callable[..., Services]) -> None:
    services = limited(rooms_owned=1, rooms_at_once=1)
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    befriend(services, alice, bob)
    make(services, bob)
    left = make(services, alice)
    services.memberships.add(alice, left, "bob")
    services.memberships.leave(alice, left)  # bob is the owner now, beyond both bounds
    assert owned(services, bob) == 2
    assert code_of(lambda: make(services, bob)) is ErrorCode.ROOMS_OWNED


def test_rooms_made_at_once_from_two_processes_are_counted_one_by_one(limited: Callable[..., Services]) -> None:
    one, other = limited(rooms_owned=5), limited(rooms_owned=5)
    alice = sign_up(one, "alice")
    made: list[ErrorCode | None] = []
    jobs = [lambda s=s: made.append(code_of(lambda: make(s, alice))) for s in (one, other) * 5]
    run_in_threads(*jobs)
    assert (made.count(None), made.count(ErrorCode.ROOMS_OWNED)) == (5, 5)
    assert owned(one, alice) == 5


def test_the_rate_holds_over_processes_too(limited: Callable[..., Services]) -> None:
    one, other = limited(rooms_at_once=5), limited(rooms_at_once=5)
    alice = sign_up(one, "alice")
    made: list[ErrorCode | None] = []
    jobs = [lambda s=s: made.append(code_of(lambda: make(s, alice))) for s in (one, other) * 5]
    run_in_threads(*jobs)
    assert (made.count(None), made.count(ErrorCode.RATE_LIMITED)) == (5, 5)


@pytest.mark.sqlite_only
def test_counting_the_owned_rooms_takes_an_index(services: Services) -> None:
    with services.store.read() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT count(*) FROM memberships WHERE user_id = 1 AND role = 'owner'"
        ).all()
    assert "ix_memberships_owned" in str(plan)


# Changes of rooms and memberships


def test_changes_that_leave_rows_for_good_are_limited(services: Services) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    club = services.rooms.create(alice, "club", members=["bob"])
    services.rooms.create(bob, "other")
    code = services.join_codes.renew(bob, services.rooms.create(bob, "third"))
    said = services.messages.send(alice, club, Draft(text="hello")).id
    while code_of(lambda: services.limits.take(ACTS, alice.user_id)) is None:
        pass
    acts: list[Callable[[], object]] = [
        lambda: services.memberships.join(alice, "other"),
        lambda: services.memberships.leave(alice, club),
        lambda: services.join_codes.join(alice, code),
        lambda: services.join_codes.renew(alice, club),
        lambda: services.join_codes.switch_off(alice, club),
        lambda: services.room_settings.change(alice, club, {"topic": "Newton"}),
        lambda: services.groups.set_admin(alice, club, bob.user_id, is_admin=True),
        lambda: services.groups.transfer(alice, club, bob.user_id),
        lambda: services.groups.change(alice, club, "title", None),
        lambda: services.pins.pin(alice, club, said, is_on=True),
        lambda: services.moderation.mute(alice, club, "bob", 5),
        lambda: services.moderation.bar(alice, club, "bob", is_barred=True),
        lambda: services.moderation.delete_recent(alice, club, "bob", 5),
        lambda: services.changes.react(alice, club, said, "👍", is_on=True),
    ]
    assert [code_of(act) for act in acts] == [ErrorCode.RATE_LIMITED] * len(acts)
    assert code_of(lambda: services.memberships.leave(bob, club)) is None  # others have their own


# Passwds of rooms


def test_ten_passwds_of_rooms_are_hashed_a_minute(services: Services, clock: FakeClock) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    for number in range(10):
        services.rooms.create(alice, f"locked {number}", "private", "secret")
    assert code_of(lambda: services.rooms.create(alice, "more", "private", "secret")) is ErrorCode.RATE_LIMITED
    assert code_of(lambda: services.rooms.create(alice, "open")) is None
    for number in range(10):  # right ones count: they take as long
        assert services.memberships.join(bob, f"locked {number}", "secret")
    assert code_of(lambda: services.rooms.delete(alice, "locked 0", "secret")) is ErrorCode.RATE_LIMITED
    clock.advance(6)
    assert code_of(lambda: services.rooms.delete(alice, "locked 0", "secret")) is None


def test_limits_off_turns_rates_off_and_keeps_quotas(limited: Callable[..., Services], clock: FakeClock) -> None:
    services = limited(rate_limits=False, rooms_owned=100)
    alice = sign_up(services, "alice")
    crowd(services, [f"pupil {number}" for number in range(70)])
    services.rooms.create(alice, "all", members=[f"pupil {number}" for number in range(70)])
    assert [code_of(lambda: make(services, alice)) for _ in range(100)].count(None) == 99
    assert clock() % SECOND >= 0
