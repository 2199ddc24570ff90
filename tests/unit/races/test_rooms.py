"""Rooms and memberships."""

import threading
from collections.abc import Callable

import pytest

from chat.errors import ErrorCode
from chat.models import Access, Event, EventKind, EventRow, Invitation, Membership, Message, Role, Room
from chat.services import Services
from chat.services.messages import Draft
from tests.database import execute
from tests.unit.races.conftest import ROUNDS, Two

pytestmark = [pytest.mark.postgresql_only, pytest.mark.acceptance(2)]


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
