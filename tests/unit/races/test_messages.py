"""Messages, files, read marks and presence."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func

from chat.clock import SECOND
from chat.errors import ErrorCode
from chat.models import Access, EventKind, EventRow, Membership, Message, Room
from chat.security.limits import Limit
from chat.services import Services, sending
from chat.services.messages import Draft
from tests.conftest import FakeClock, sign_up
from tests.database import execute
from tests.unit.races.conftest import ROUNDS, Two

pytestmark = [pytest.mark.postgresql_only, pytest.mark.acceptance(2)]
LIMIT = Limit("races", burst=5, seconds=3600)


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


def test_batches_of_marks_in_any_order_do_not_deadlock(two: Two) -> None:
    rooms = [two.group(n, *two.people[1:]) for n in range(4)]
    marks = [(who.user_id, room) for who in two.people for room in rooms]
    for n in range(1, ROUNDS):
        for services, order in ((two.one, marks), (two.two, marks[::-1])):
            for user, room in order:
                services.read_marks.mark(user, [(room, n * SECOND * 10**7)])
        assert two.at_once(two.one.read_marks.flush, two.two.read_marks.flush) == [None, None]


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
