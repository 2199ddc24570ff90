"""Limits on adding people to rooms: how many a minute, and how many rooms of strangers a person bears."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, update

from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Membership, User
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import FakeClock, run_in_threads, sign_up
from tests.database import engine_of
from tests.unit.bounds import befriend, code_of, crowd, make, owned

# People added


def test_sixty_people_are_added_a_minute(services: Services, clock: FakeClock) -> None:
    teacher = sign_up(services, "teacher")
    pupils = [f"pupil {number}" for number in range(121)]
    crowd(services, pupils)
    room = services.rooms.create(teacher, "physics", members=pupils[:60])  # a class, in one go
    assert len(services.memberships.members(teacher, room)) == 61
    with pytest.raises(ChatError) as refused:
        services.memberships.add(teacher, room, pupils[60])
    assert (refused.value.code, refused.value.data) == (ErrorCode.RATE_LIMITED, {"retry_after": 1.0})
    clock.advance(1)
    assert code_of(lambda: services.memberships.add(teacher, room, pupils[60])) is None
    clock.advance(60)
    assert code_of(lambda: services.rooms.create(teacher, "maths", members=pupils[:61])) is ErrorCode.ADDED_TOO_MANY
    assert code_of(lambda: services.rooms.create(teacher, "maths", members=pupils[61:])) is None


def test_all_or_none_are_added(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    crowd(services, [f"pupil {number}" for number in range(60)])
    services.rooms.create(alice, "small", members=[f"pupil {number}" for number in range(31)])
    clock.advance(1)
    many = [f"pupil {number}" for number in range(31)]
    assert code_of(lambda: services.rooms.create(alice, "large", members=many)) is ErrorCode.RATE_LIMITED
    assert [room.title for room in services.rooms.joined(alice)] == ["public", "small"]
    assert code_of(lambda: services.rooms.create(alice, "large", members=many[:30])) is None


def test_existing_members_do_not_count(limited: Callable[..., Services]) -> None:
    services = limited(people_added_per_minute=1)
    alice, _ = sign_up(services, "alice"), sign_up(services, "bob")
    room = make(services, alice)
    for _ in range(3):
        assert code_of(lambda: services.memberships.add(alice, room, "alice")) is ErrorCode.ALREADY_MEMBER
    assert code_of(lambda: services.memberships.add(alice, room, "bob")) is None
    assert code_of(lambda: services.memberships.add(alice, room, "bob")) is ErrorCode.ALREADY_MEMBER


def test_friends_added_and_invited_in_ims_count(limited: Callable[..., Services]) -> None:
    services = limited(people_added_per_minute=3)
    alice, bob, carol, dave = (sign_up(services, name) for name in ("alice", "bob", "carol", "dave"))
    for friend in (bob, carol, dave):
        befriend(services, alice, friend)
    services.groups.create(alice, "group", [bob.user_id])
    group = services.rooms.joined(alice)[-1].id
    assert code_of(lambda: services.invitations.invite(alice, group, [carol.user_id, dave.user_id])) is None
    befriend(services, bob, sign_up(services, "eve"))
    eve = services.friends.all(bob)[-1].user_id
    for _ in range(3):
        services.invitations.invite(bob, group, [eve])  # stays pending, and one is enough
    befriend(services, alice, services.sessions.resolve(*_session(services, "eve")) or alice)
    assert code_of(lambda: services.invitations.invite(alice, group, [eve])) is ErrorCode.RATE_LIMITED


def _session(services: Services, username: str) -> tuple[str, int]:
    user_id, session = services.accounts.log_in(username, "secret1", "192.0.2.1")
    return session.id, user_id


def test_parallel_adds_count_one_by_one(limited: Callable[..., Services]) -> None:
    one, other = limited(people_added_per_minute=4), limited(people_added_per_minute=4)
    alice = sign_up(one, "alice")
    room = make(one, alice)
    pupils = crowd(one, [f"pupil {number}" for number in range(8)])
    added: list[ErrorCode | None] = []
    jobs = [
        lambda s=s, p=p: added.append(code_of(lambda: s.memberships.add(alice, room, p)))
        for s, p in zip((one, other) * 4, pupils, strict=True)
    ]
    run_in_threads(*jobs)
    assert (added.count(None), added.count(ErrorCode.RATE_LIMITED)) == (4, 4)


# Rooms of strangers


def put_in(services: Services, adder: Actor, user: Actor) -> ErrorCode | None:
    return code_of(lambda: services.memberships.add(adder, make(services, adder), user.user_id))


@pytest.fixture
def two_strangers_rooms(limited: Callable[..., Services]) -> Services:
    return limited(strangers_rooms=2, rate_limits=False)


def test_thirty_rooms_of_strangers_and_no_more(limited: Callable[..., Services]) -> None:
    services = limited(rate_limits=False)
    mallory, trudy, teacher = (sign_up(services, name) for name in ("mallory", "trudy", "teacher"))
    assert [put_in(services, mallory, teacher) for _ in range(30)] == [None] * 30
    for stranger in (mallory, trudy):  # every stranger
        assert put_in(services, stranger, teacher) is ErrorCode.CANNOT_BE_ADDED
        assert code_of(lambda s=stranger: services.rooms.create(s, "x", members=["trudy", "teacher"])) is (  # type: ignore[misc]
            ErrorCode.CANNOT_BE_ADDED
        )
    assert [room.title for room in services.rooms.joined(trudy)].count("x") == 0  # all or none
    assert code_of(lambda: make(services, teacher)) is None
    assert len(services.rooms.joined(teacher)) == 32  # with the lobby


def test_rooms_entered_read_or_written_in_are_not_strangers_rooms(
    two_strangers_rooms: Services, clock: FakeClock
) -> None:
    services = two_strangers_rooms
    mallory, me = sign_up(services, "mallory"), sign_up(services, "me")

    def full() -> bool:
        return put_in(services, mallory, me) is ErrorCode.CANNOT_BE_ADDED

    assert (full(), full(), full()) == (False, False, True)
    first, second = [room.id for room in services.rooms.joined(me)][1:]
    services.messages.send(me, first, Draft(text="I am here"))
    assert (full(), full()) == (False, True)
    clock.advance(1)
    said = services.messages.send(mallory, second, Draft(text="read this"))
    services.read_marks.mark(me.user_id, [(second, said.time)])
    assert full()  # not before the mark is written
    services.read_marks.flush()
    assert (full(), full()) == (False, True)
    services.memberships.leave(me, services.rooms.joined(me)[-1].id)
    assert (full(), full()) == (False, True)
    assert not services.memberships.join(mallory, "public")
    open_room = services.rooms.create(mallory, "square")
    services.memberships.join(me, open_room)  # by their own choice
    assert full()


def test_joining_the_room_that_one_was_put_into_accepts_it(two_strangers_rooms: Services) -> None:
    services = two_strangers_rooms
    mallory, me = sign_up(services, "mallory"), sign_up(services, "me")
    for name in ("one", "two"):
        services.rooms.create(mallory, name, members=["me"])
    assert put_in(services, mallory, me) is ErrorCode.CANNOT_BE_ADDED
    assert not services.memberships.join(me, "one")  # a member already
    assert put_in(services, mallory, me) is None
    assert put_in(services, mallory, me) is ErrorCode.CANNOT_BE_ADDED
    visit = services.room_presence.enter(me, next(room.id for room in services.rooms.joined(me) if room.name == "two"))
    services.room_presence.leave(visit)
    assert put_in(services, mallory, me) is None


def test_friends_can_add_users_whom_strangers_cannot(two_strangers_rooms: Services) -> None:
    services = two_strangers_rooms
    mallory, friend, me = (sign_up(services, name) for name in ("mallory", "friend", "me"))
    befriend(services, friend, me)
    assert [put_in(services, friend, me) for _ in range(4)] == [None] * 4  # which count nowhere
    assert [put_in(services, mallory, me) for _ in range(2)] == [None] * 2
    assert put_in(services, mallory, me) is ErrorCode.CANNOT_BE_ADDED
    services.groups.create(friend, "group", [me.user_id])
    services.friends.remove(friend, me.user_id)  # from now on these rooms are a stranger's
    assert put_in(services, friend, me) is ErrorCode.CANNOT_BE_ADDED


def test_an_invitation_of_a_friend_no_more_waits(two_strangers_rooms: Services) -> None:
    services = two_strangers_rooms
    alice, bob, me, mallory = (sign_up(services, name) for name in ("alice", "bob", "me", "mallory"))
    befriend(services, alice, bob)
    befriend(services, bob, me)
    services.groups.create(alice, "group", [bob.user_id])
    group = services.rooms.joined(alice)[-1].id
    services.invitations.invite(bob, group, [me.user_id])
    services.friends.remove(bob, me.user_id)
    for _ in range(2):
        put_in(services, mallory, me)
    waiting = services.invitations.all(alice, group)[0]
    accept = lambda: services.invitations.answer(alice, waiting.id, None, accept=True)  # noqa: E731
    assert code_of(accept) is ErrorCode.CANNOT_BE_ADDED
    services.memberships.leave_all_of(me.user_id, "mallory")
    assert code_of(accept) is None


def test_members_from_before_count_as_having_come_by_themselves(two_strangers_rooms: Services) -> None:
    services = two_strangers_rooms
    mallory, me = sign_up(services, "mallory"), sign_up(services, "me")
    for _ in range(2):
        put_in(services, mallory, me)
    with services.store.write() as tx:  # as the migration leaves them
        tx.execute(update(Membership).values(added_by_id=None))
    assert put_in(services, mallory, me) is None


@pytest.mark.sqlite_only
def test_counting_strangers_rooms_scans_no_table(services: Services) -> None:
    me, alice = sign_up(services, "me"), sign_up(services, "alice")
    plans: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "HAVING" in statement:
            plans.append(str(cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()))

    event.listen(engine_of(services), "before_cursor_execute", explain)
    put_in(services, alice, me)
    event.remove(engine_of(services), "before_cursor_execute", explain)
    assert len(plans) == 1
    assert "ix_memberships_added" in plans[0]
    assert "SCAN" not in plans[0], plans[0]


@pytest.mark.both_databases
def test_parallel_creations_are_counted_one_by_one(limited: Callable[..., Services]) -> None:
    one, other = (limited(rooms_owned=3, rate_limits=False) for _ in range(2))
    me = sign_up(one, "me")
    made: list[ErrorCode | None] = []

    def make(services: Services, number: int) -> None:
        made.append(code_of(lambda: services.rooms.create(me, f"room {number}")))

    run_in_threads(*(lambda n=n, s=s: make(s, n) for n, s in enumerate((one, other) * 4)))
    assert (made.count(None), made.count(ErrorCode.ROOMS_OWNED)) == (3, 5)


@pytest.mark.both_databases
def test_parallel_strangers_are_counted_one_by_one(limited: Callable[..., Services]) -> None:
    one, other = (limited(strangers_rooms=3, rate_limits=False) for _ in range(2))
    me = sign_up(one, "me")
    strangers = [sign_up(one, f"stranger {number}") for number in range(8)]
    added: list[ErrorCode | None] = []
    jobs = [lambda s=s, m=m: added.append(put_in(s, m, me)) for s, m in zip((one, other) * 4, strangers, strict=True)]
    run_in_threads(*jobs)
    assert (added.count(None), added.count(ErrorCode.CANNOT_BE_ADDED)) == (3, 5)


# Leaving all rooms of another user


def test_leave_all_rooms_of_an_owner(limited: Callable[..., Services], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.services.memberships.LEAVE_AT_ONCE", 2)
    services = limited()
    mallory, trudy, me = (sign_up(services, name) for name in ("mallory", "trudy", "me"))
    for _ in range(5):
        assert put_in(services, mallory, me) is None
    kept = make(services, trudy)
    services.memberships.add(trudy, kept, "mallory")
    services.memberships.add(mallory, kept, "me")  # not mallory's, although added by others
    assert services.memberships.leave_all_of(me.user_id, "MALLORY") == 5
    assert [room.id for room in services.rooms.joined(me)] == [1, kept]
    assert owned(services, mallory) == 5
    assert services.memberships.leave_all_of(mallory.user_id, "mallory") == 0  # the user's own rooms stay
    assert code_of(lambda: services.memberships.leave_all_of(me.user_id, "nobody")) is ErrorCode.USER_NOT_FOUND


def test_rooms_of_a_deleted_account_can_be_left_too(services: Services, clock: FakeClock) -> None:
    mallory, me = sign_up(services, "mallory"), sign_up(services, "me")
    put_in(services, mallory, me)
    with services.store.write() as tx:
        tx.execute(update(User).where(User.id == mallory.user_id).values(deleted_at=clock()))
    assert services.memberships.leave_all_of(me.user_id, "mallory") == 1
