"""Per-person limits: each at its edge, by a clock that is moved, and concurrently."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import event, func, select, update

from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, LoginSession, Membership, Role, User
from chat.security.limits import ACTS
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import FakeClock, run_in_threads, sign_up
from tests.database import engine_of


def code_of(call: Callable[[], object]) -> ErrorCode | None:
    """Return None on success."""
    try:
        call()
    except ChatError as error:
        return error.code
    return None


def make(services: Services, actor: Actor, title: str = "club") -> int:
    return services.rooms.create_titled(actor, title, access=Access.INVITE).id


def befriend(services: Services, one: Actor, other: Actor) -> None:
    services.friends.request(one, other.user_id, "")
    services.friends.accept(other, one.user_id, other.user_id, "hello")


def owned(services: Services, actor: Actor) -> int:
    query = select(func.count()).where(Membership.user_id == actor.user_id, Membership.role == Role.OWNER)
    with services.store.read() as connection:
        return connection.execute(query).scalar_one()


def crowd(services: Services, names: Iterable[str]) -> list[int]:
    """Accounts created without the cost of registration."""
    row: dict[str, Any] = {"nickname": "", "password_sha1": "", "password_md5": "", "created_at": 1, "updated_at": 1}
    with services.store.write() as tx:
        return [
            tx.execute(
                User.__table__.insert().values(username=name, username_key=name, **row).returning(User.id)
            ).scalar_one()
            for name in names
        ]


@pytest.fixture
def limited(make_services: Callable[..., Services], clock: FakeClock) -> Callable[..., Services]:
    """Services with these settings."""

    def start(**settings: object) -> Services:
        services = make_services(clock, **settings)
        services.rooms.ensure_lobby()
        return services

    return start


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


def test_limits_off_turns_rates_off_and_keeps_quotas(limited: Callable[..., Services], clock: FakeClock) -> None:
    services = limited(rate_limits=False, rooms_owned=100)
    alice = sign_up(services, "alice")
    crowd(services, [f"pupil {number}" for number in range(70)])
    services.rooms.create(alice, "all", members=[f"pupil {number}" for number in range(70)])
    assert [code_of(lambda: make(services, alice)) for _ in range(100)].count(None) == 99
    assert clock() % SECOND >= 0


# Rows with a limit per person (docs/decisions/0082)


def counted(services: Services, table: Any) -> int:
    with services.store.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_hundred_friend_requests_an_hour(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    others = crowd(services, (f"user {number}" for number in range(102)))
    codes = [code_of(lambda n=each: services.friends.request(alice, n, "")) for each in others]  # type: ignore[misc]
    assert codes == [None] * 100 + [ErrorCode.RATE_LIMITED] * 2
    clock.advance(36)
    assert code_of(lambda: services.friends.request(alice, others[-1], "")) is None
    assert code_of(lambda: services.friends.request(alice, others[0], "")) is ErrorCode.REQUEST_PENDING


def test_so_many_friend_requests_wait(limited: Callable[..., Services], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.services.friends.FRIEND_REQUESTS_WAITING", 2)
    services = limited(rate_limits=False)
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    others = [bob.user_id, *crowd(services, ("one", "two"))]
    codes = [code_of(lambda n=each: services.friends.request(alice, n, "")) for each in others]  # type: ignore[misc]
    assert codes == [None, None, ErrorCode.TOO_MANY]
    services.friends.accept(bob, alice.user_id, bob.user_id, "hello")
    assert code_of(lambda: services.friends.request(alice, others[2], "")) is None


def test_so_many_friend_groups(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.services.friend_groups.FRIEND_GROUPS", 2)
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    codes = [code_of(lambda n=name: services.friend_groups.create(alice, n)) for name in "abc"]  # type: ignore[misc]
    assert codes == [None, None, ErrorCode.TOO_MANY]
    assert code_of(lambda: services.friend_groups.create(bob, "c")) is None
    services.friend_groups.delete(alice, services.friend_groups.all(alice)[0][0])
    assert code_of(lambda: services.friend_groups.create(alice, "c")) is None


def test_twenty_announcements_a_minute_and_so_many_a_room(
    services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = sign_up(services, "alice")
    services.groups.create(alice, "one", [])
    services.groups.create(alice, "two", [])
    one, two = (room.id for room in services.rooms.joined(alice) if room.title in {"one", "two"})
    announce = services.announcements.post
    assert [code_of(lambda: announce(alice, one, "x")) for _ in range(21)] == [None] * 20 + [ErrorCode.RATE_LIMITED]
    assert code_of(lambda: announce(alice, two, "x")) is ErrorCode.RATE_LIMITED
    clock.advance(3)
    monkeypatch.setattr("chat.services.announcements.ANNOUNCEMENTS_OF_ROOM", 20)
    assert code_of(lambda: announce(alice, one, "x")) is ErrorCode.TOO_MANY
    services.announcements.delete(alice, services.announcements.all(alice, one)[0].id)
    assert code_of(lambda: announce(alice, one, "x")) is None


def test_answered_invitations_are_kept_up_to_a_number(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.services.invitations.INVITATIONS_KEPT", 3)
    alice, bob, carol = (sign_up(services, name) for name in ("alice", "bob", "carol"))
    for one, other in ((alice, bob), (alice, carol), (bob, carol)):
        befriend(services, one, other)
    services.groups.create(alice, "club", [])
    room = next(room.id for room in services.rooms.joined(alice) if room.title == "club")
    services.invitations.invite(alice, room, [bob.user_id])
    services.invitations.invite(bob, room, [carol.user_id])  # stays pending in any case
    waiting = services.invitations.all(alice, room)[0].id
    for _ in range(5):
        services.groups.remove(alice, room, bob.user_id)
        services.invitations.invite(alice, room, [bob.user_id])
    kept = services.invitations.all(alice, room)
    assert len(kept) == 4
    assert waiting in {each.id for each in kept}
    assert [each.receiver_id for each in kept][:3] == [bob.user_id] * 3


def test_sixty_tickets_a_minute(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    codes = [code_of(lambda: services.tickets.issue(alice, "public")) for _ in range(62)]
    assert codes == [None] * 60 + [ErrorCode.RATE_LIMITED] * 2
    clock.advance(1)
    assert code_of(lambda: services.tickets.issue(alice, "public")) is None


def test_the_oldest_of_too_many_sessions_ends(
    services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.services.sessions.MOST_OPEN", 3)
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    opened = [alice.session_id]
    for _ in range(3):
        clock.advance(1)
        opened.append(services.sessions.open(alice.user_id).id)
    living = [services.sessions.resolve(session, alice.user_id) is not None for session in opened]
    assert living == [False, True, True, True]
    assert services.sessions.resolve(bob.session_id, bob.user_id) is not None
    assert counted(services, LoginSession) == 4
