"""Two processes that write at the same moment: what SQLite's single writer prevents, locks prevent on PostgreSQL.

Each case runs both sides at once, round after round, then looks whether the rule holds (docs/decisions/0101).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from sqlalchemy import func, select

from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.models import (
    Access,
    Actor,
    Event,
    EventKind,
    EventRow,
    FriendGroupMember,
    Friendship,
    Invitation,
    Membership,
    Message,
    Role,
    Room,
    User,
)
from chat.security.limits import Limit
from chat.services import Services, sending
from chat.services.credentials import Proven
from chat.services.messages import Draft
from chat.services.profiles import Changes
from tests.conftest import FakeClock, sign_up
from tests.database import execute
from tests.real_server import wait_until
from tests.sizes import size

pytestmark = [pytest.mark.postgresql_only, pytest.mark.acceptance(2)]
ROUNDS = size(8, 200)
ADDRESS = "192.0.2.1"
LIMIT = Limit("races", burst=5, seconds=3600)


@dataclass
class Two:
    """Two processes' services on one database, and people who know each other."""

    one: Services
    two: Services
    people: list[Actor] = field(default_factory=list)

    def at_once(self, *jobs: Callable[[], object]) -> list[ErrorCode | None]:
        """Run the jobs at the same moment: how each was refused, None where it was not. Other failures are raised."""
        results: list[Any] = [None] * len(jobs)
        barrier = threading.Barrier(len(jobs))

        def run(number: int) -> None:
            barrier.wait(10)
            try:
                jobs[number]()
            except BaseException as error:
                results[number] = error

        threads = [threading.Thread(target=run, args=(number,)) for number in range(len(jobs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive(), "a job hangs"
        for result in results:
            if result is not None and not isinstance(result, ChatError):
                raise result
        refused = [None if result is None else result.code for result in results]
        assert ErrorCode.UNAVAILABLE not in refused
        return refused

    def group(self, number: int, *members: Actor) -> int:
        room = self.one.rooms.create_titled(self.people[0], f"group {number}", access=Access.GROUP)
        for member in members:
            self.one.memberships.add(self.people[0], room.id, member.user_id)
        return room.id

    def befriend(self, one: Actor, other: Actor) -> None:
        self.one.friends.request(one, other.user_id, "")
        self.one.friends.accept(other, one.user_id, other.user_id, "hello")

    def rows(self, *columns: Any, where: Any = True) -> list[Any]:
        with self.one.store.read() as connection:
            return list(connection.execute(select(*columns).where(where)).all())


@pytest.fixture
def two(make_services: Callable[..., Services]) -> Two:
    one, other = (make_services(rate_limits=False, rooms_owned=10_000, strangers_rooms=10_000) for _ in range(2))
    one.rooms.ensure_lobby()
    return Two(one, other, [sign_up(one, name) for name in ("olga", "mia", "alice", "bob")])


def test_nothing_is_stored_in_a_room_that_is_being_deleted(two: Two) -> None:
    olga, mia, *_ = two.people
    for n in range(ROUNDS):
        room = two.group(n, mia)
        two.at_once(
            lambda: two.one.rooms.delete(olga, room),
            *[lambda: two.two.messages.send(mia, room, Draft(text="late"))] * 2,
        )
        deleted_at = two.rows(Room.deleted_at, where=Room.id == room)[0][0]
        sent = two.rows(EventRow.kind, where=EventRow.subject_id == room)
        kinds = [kind for (kind,) in sent if kind in {EventKind.MESSAGE, EventKind.ROOM}]
        assert deleted_at is not None
        assert len(two.rows(Message.id, where=Message.room_id == room)) == kinds.count(EventKind.MESSAGE)
        refused = two.at_once(lambda: two.two.messages.send(mia, room, Draft(text="after")))
        assert refused == [ErrorCode.ROOM_NOT_FOUND]


def test_a_removed_member_sends_nothing_more(two: Two) -> None:
    olga, mia, *_ = two.people
    for n in range(ROUNDS):
        room = two.group(n, mia)
        two.one.messages.send(mia, room, Draft(text="before"))
        put_out = threading.Event()
        after: list[bool] = []

        def send(room: int = room, put_out: threading.Event = put_out, after: list[bool] = after) -> None:
            while True:
                was_out = put_out.is_set()
                two.two.messages.send(mia, room, Draft(text="x"))
                after.append(was_out)

        def remove(room: int = room, put_out: threading.Event = put_out) -> None:
            two.one.groups.remove(olga, room, mia.user_id)
            put_out.set()

        assert two.at_once(remove, send) == [None, ErrorCode.ROOM_NOT_FOUND]
        assert True not in after


def test_one_client_message_id_is_stored_once(two: Two) -> None:
    olga = two.people[0]
    for n in range(ROUNDS):
        ids: list[int] = []
        draft = Draft(text="x", client_message_id=f"id {n}")
        two.at_once(
            *[lambda: ids.append(two.one.messages.send(olga, "public", draft).id)] * 2,
            lambda: ids.append(two.two.messages.send(olga, "public", draft).id),
        )
        assert len(ids) == 3
        assert len(set(ids)) == 1


def test_the_first_socket_enters_once_and_the_last_leaves_once(two: Two) -> None:
    olga = two.people[0]
    room = two.group(0)
    of_room = EventRow.subject_id == room
    for n in range(1, ROUNDS):
        visits: list[Any] = []
        two.at_once(*[lambda s=s: visits.append((s, s.room_presence.enter(olga, room))) for s in (two.one, two.two)])
        two.at_once(*[lambda s=s, v=v: s.room_presence.leave(v) for s, v in visits])
        kinds = [kind for (kind,) in two.rows(EventRow.kind, where=of_room)]
        assert kinds.count(EventKind.ENTERED) == kinds.count(EventKind.LEFT) == n


def test_the_last_two_who_leave_at_once_end_the_room(two: Two) -> None:
    olga, mia, *_ = two.people
    for n in range(ROUNDS):
        room = two.group(n, mia)
        leave = [(two.one, olga), (two.two, mia)]
        assert two.at_once(*[lambda s=s, who=who: s.memberships.leave(who, room) for s, who in leave]) == [None, None]
        assert two.rows(Room.deleted_at, where=Room.id == room)[0][0] is not None


def test_the_owner_leaves_while_another_is_added(two: Two) -> None:
    olga, mia, alice, _ = two.people
    for n in range(ROUNDS):
        room = two.group(n, mia)
        two.at_once(
            lambda: two.one.memberships.leave(olga, room),
            lambda: two.two.memberships.leave(mia, room),
            lambda: two.two.memberships.add(mia, room, alice.user_id),
        )
        living = two.rows(Room.deleted_at, where=Room.id == room)[0][0] is None
        roles = [role for (role,) in two.rows(Membership.role, where=Membership.room_id == room)]
        assert roles.count(Role.OWNER) == (1 if living else 0), roles


def test_two_transfers_at_once_leave_one_owner(two: Two) -> None:
    olga, mia, alice, _ = two.people
    for n in range(ROUNDS):
        room = two.group(n, mia, alice)
        two.at_once(
            lambda: two.one.groups.transfer(olga, room, mia.user_id),
            lambda: two.two.groups.transfer(olga, room, alice.user_id),
        )
        roles = [role for (role,) in two.rows(Membership.role, where=Membership.room_id == room)]
        assert roles.count(Role.OWNER) == 1


def test_an_invitation_is_answered_once(two: Two) -> None:
    olga, mia, alice, _ = two.people
    two.befriend(mia, alice)
    for n in range(ROUNDS):
        room = two.group(n, mia)
        assert two.one.invitations.invite(mia, room, [alice.user_id]) is False
        (invitation,) = two.rows(Invitation.id, where=Invitation.room_id == room)
        refused = two.at_once(
            lambda: two.one.invitations.answer(olga, invitation.id, room, accept=True),
            lambda: two.two.invitations.answer(olga, invitation.id, room, accept=False),
        )
        assert sorted(map(str, refused)) == sorted(map(str, [None, ErrorCode.INVITATION_ANSWERED]))
        is_in = bool(
            two.rows(Membership.id, where=(Membership.room_id == room) & (Membership.user_id == alice.user_id))
        )
        assert is_in == (refused[0] is None)


def test_two_members_invite_one_person_at_once(two: Two) -> None:
    _, mia, alice, bob = two.people
    two.befriend(mia, bob)
    two.befriend(alice, bob)
    for n in range(ROUNDS):
        room = two.group(n, mia, alice)
        invite = [(two.one, mia), (two.two, alice)]
        jobs = [lambda s=s, who=who: s.invitations.invite(who, room, [bob.user_id]) for s, who in invite]
        assert two.at_once(*jobs) == [None, None]
        assert len(two.rows(Invitation.id, where=Invitation.room_id == room)) == 1


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


def test_a_limit_lets_no_more_through_than_it_has(make_services: Callable[..., Services], clock: FakeClock) -> None:
    two = Two(make_services(clock), make_services(clock))
    for n in range(ROUNDS):
        takers = [lambda s=s: s.limits.take_shared((LIMIT, n)) for s in (two.one, two.two) for _ in range(4)]
        refused = two.at_once(*takers)
        assert refused.count(None) == LIMIT.burst
        assert set(refused) == {None, ErrorCode.RATE_LIMITED}


def test_a_quota_lets_no_more_through_than_it_has(make_services: Callable[..., Services]) -> None:
    made = [make_services(rate_limits=False, storage_per_day=1000, disk_free_min=0) for _ in range(2)]
    made[0].rooms.ensure_lobby()
    two = Two(made[0], made[1])
    for n in range(ROUNDS):
        actor = sign_up(two.one, f"sender {n}")
        jobs = [lambda s=s: s.files.begin(actor, "public", "f", 400) for s in (two.one, two.two) for _ in range(2)]
        assert two.at_once(*jobs).count(None) == 2


def test_processes_that_start_at_once_make_one_lobby(make_services: Callable[..., Services]) -> None:
    two = Two(make_services(), make_services())
    for _ in range(ROUNDS):
        with two.one.store.write() as tx:
            execute(tx, "DELETE FROM rooms")
        assert two.at_once(two.one.rooms.ensure_lobby, two.two.rooms.ensure_lobby) == [None, None]
        assert len(two.rows(Room.id, where=Room.is_lobby)) == 1


def test_two_tickets_of_one_user_redeemed_at_once_make_one_member(two: Two) -> None:
    olga, mia, *_ = two.people
    for n in range(ROUNDS):
        room = two.one.rooms.create_titled(olga, f"open {n}", access=Access.OPEN).id
        tickets = [two.one.tickets.issue(mia, room) for _ in range(2)]
        both = zip((two.one, two.two), tickets, strict=True)
        assert two.at_once(*[lambda s=s, t=t: s.tickets.redeem(t) for s, t in both]) == [None, None]
        assert len(two.rows(Membership.id, where=Membership.room_id == room)) == 2


def test_batches_of_marks_in_any_order_do_not_deadlock(two: Two) -> None:
    rooms = [two.group(n, *two.people[1:]) for n in range(4)]
    marks = [(who.user_id, room) for who in two.people for room in rooms]
    for n in range(1, ROUNDS):
        for services, order in ((two.one, marks), (two.two, marks[::-1])):
            for user, room in order:
                services.read_marks.mark(user, [(room, n * SECOND * 10**7)])
        assert two.at_once(two.one.read_marks.flush, two.two.read_marks.flush) == [None, None]


def test_titles_may_repeat_at_the_same_moment(two: Two) -> None:
    olga, mia, *_ = two.people
    for n in range(ROUNDS):
        title = f"room {n}"
        refused = two.at_once(
            lambda: two.one.rooms.create_titled(olga, title, access=Access.INVITE),
            lambda: two.two.rooms.create_titled(mia, title, access=Access.INVITE),
            lambda: two.two.rooms.create(mia, title),
        )
        assert refused[:2] == [None, None]
        names = [name for (name,) in two.rows(Room.name_key, where=Room.title == title)]
        assert len(set(names)) == len(names) >= 2


def test_creations_do_not_wait_for_each_other(two: Two) -> None:
    """A transaction that makes a room of another name is held open meanwhile."""
    if not two.one.backend.store.moment().shows(Event(EventKind.ROOM, 0)):
        pytest.skip("writers take turns")
    olga, mia, *_ = two.people
    with two.one.store.write() as tx:
        two.one.rooms.make_group_within(tx, olga, "held open", [])
        made = threading.Thread(target=lambda: two.two.rooms.create_titled(mia, "other", access=Access.INVITE))
        made.start()
        made.join(4)
        is_done = not made.is_alive()
    made.join(10)
    assert is_done


def test_a_file_that_is_still_coming_is_not_purged(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    olga = two.people[0]
    now = two.two.clock()
    for _ in range(ROUNDS):
        upload = two.one.files.begin(olga, "public", "f", 2)
        monkeypatch.setattr(two.two.files, "_clock", lambda: now + 3600 * SECOND)
        refused = two.at_once(lambda: two.one.files.add(upload, b"x"), two.two.files.purge)
        monkeypatch.undo()
        is_there = bool(two.rows(func.count(), where=True))
        assert is_there
        finished = two.at_once(lambda: two.one.files.add(upload, b"y"))
        assert refused[1] is None
        assert finished[0] in {None, ErrorCode.FILE_NOT_FOUND}
        if refused[0] is not None:
            assert finished[0] is ErrorCode.FILE_NOT_FOUND


def test_a_right_that_is_taken_between_the_two_statements_of_a_send_counts(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one has seen the membership; another process changes it before the second one stores."""
    mia = two.people[1]
    begin = sending.begin
    changes = {
        "muted_until = 9000000000000000": ErrorCode.MUTED,
        "role = 'admin'": None,
        "user_id = 4": ErrorCode.ROOM_NOT_FOUND,
    }
    for n, (change, refused) in enumerate(changes.items()):
        room = two.group(n, mia)
        before = two.rows(Room.last_time, where=Room.id == room)

        def begin_slowly(*args: Any, room: int = room, change: str = change) -> Any:
            begun = begin(*args)
            with two.one.store.write() as tx:
                execute(tx, f"UPDATE memberships SET {change} WHERE room_id = ? AND user_id = ?", [room, mia.user_id])
            return begun

        monkeypatch.setattr(sending, "begin", begin_slowly)
        assert two.at_once(lambda: two.two.messages.send(mia, room, Draft(text="x"))) == [refused]
        monkeypatch.undo()
        assert len(two.rows(Message.id, where=Message.room_id == room)) == (refused is None)
        assert (two.rows(Room.last_time, where=Room.id == room) == before) is (refused is not None)


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


def somebody_waits(two: Two) -> object:
    """Whether a transaction waits for a lock of another one."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with two.one.store.read() as connection:
        return connection.exec_driver_sql(waiting).first()


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


def test_batches_of_presence_in_any_order_do_not_deadlock(
    make_services: Callable[..., Services], clock: FakeClock
) -> None:
    one, other = (make_services(clock, rate_limits=False) for _ in range(2))
    one.rooms.ensure_lobby()
    people = [sign_up(one, f"person {n}") for n in range(12)]
    two = Two(one, other, people)
    for _ in range(ROUNDS):
        clock.advance(100)
        for services, order in ((one, people), (other, people[::-1])):
            for actor in order:
                services.presence.touch(actor.session_id, actor.user_id)
        assert two.at_once(one.presence.flush, other.presence.flush) == [None, None]


def test_a_read_mark_is_not_older_than_the_joining(two: Two) -> None:
    olga, mia, *_ = two.people
    for n in range(ROUNDS):
        room = two.one.rooms.create_titled(olga, f"open {n}", access=Access.OPEN).id
        two.at_once(
            lambda: two.one.memberships.join(mia, room),
            *[lambda: two.two.messages.send(olga, room, Draft(text="x"))] * 2,
        )
        joined_at = (Membership.room_id == room) & (Membership.user_id == mia.user_id)
        ((read_time,),) = two.rows(Membership.read_time, where=joined_at)
        times = [time for (time,) in two.rows(Message.time, where=Message.room_id == room)]
        assert read_time in {0, *times}


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
