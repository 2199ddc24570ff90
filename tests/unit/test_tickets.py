from collections.abc import Callable

import pytest
from sqlalchemy import select, update

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Membership, RoomTicket, User
from chat.services import Services
from tests.conftest import FakeClock, run_in_threads, sign_up

pytestmark = pytest.mark.both_databases


@pytest.fixture
def alice(services: Services) -> Actor:
    return sign_up(services, "alice")


@pytest.fixture
def bob(services: Services) -> Actor:
    return sign_up(services, "bob")


def is_good(services: Services, ticket: str) -> bool:
    """Whether it is; it is used up by that."""
    try:
        services.tickets.redeem(ticket)
    except ChatError as error:
        if error.code is not ErrorCode.TICKET_INVALID:
            raise
        return False
    return True


def test_a_ticket_admits_once(services: Services, alice: Actor, bob: Actor) -> None:
    room = services.rooms.create_titled(alice, "square", access=Access.OPEN).id
    ticket = services.tickets.issue(bob, room)
    assert [r.title for r in services.rooms.joined(bob)] == ["public"]
    assert services.tickets.redeem(ticket)[:2] == (bob, room)
    assert [r.title for r in services.rooms.joined(bob)] == ["public", "square"]
    assert not is_good(services, ticket)
    again = services.tickets.issue(bob, room)  # a member's: nothing changes
    assert services.tickets.redeem(again)[:2] == (bob, room)
    assert [m.username for m in services.memberships.members(alice, room)] == ["alice", "bob"]


@pytest.mark.parametrize("text", ["", "0" * 40, "x", "\ud800" * 40, "é" * 40, "a" * 100_000, "\0"], ids=range(7))
def test_invalid_tickets(services: Services, text: str) -> None:
    assert not is_good(services, text)


def test_it_lives_for_a_minute(services: Services, alice: Actor, clock: FakeClock) -> None:
    early, late = services.tickets.issue(alice, "public"), services.tickets.issue(alice, "public")
    clock.advance(59)
    services.tickets.purge()
    assert is_good(services, early)
    clock.advance(1)
    assert not is_good(services, late)
    services.tickets.purge()
    with services.store.read() as connection:
        assert connection.execute(select(RoomTicket)).all() == []


def test_permissions_to_request_a_ticket(services: Services, alice: Actor, bob: Actor) -> None:
    services.rooms.create(alice, "locked", "private", "secret")
    services.rooms.create_titled(alice, "hers", access=Access.INVITE)
    for room, code in (("locked", ErrorCode.FORBIDDEN), ("hers", ErrorCode.ROOM_NOT_FOUND)):
        with pytest.raises(ChatError) as caught:
            services.tickets.issue(bob, room)
        assert caught.value.code is code
        assert is_good(services, services.tickets.issue(alice, room))
        services.memberships.add(alice, room, "bob")
        assert is_good(services, services.tickets.issue(bob, room))


def test_it_ends_with_the_session_that_asked_for_it(services: Services, alice: Actor) -> None:
    other = services.sessions.open(alice.user_id)
    elsewhere = services.sessions.resolve(other.id, alice.user_id)
    assert elsewhere is not None
    here, there = services.tickets.issue(alice, "public"), services.tickets.issue(elsewhere, "public")
    services.sessions.close(alice)
    assert not is_good(services, here)
    with pytest.raises(ChatError) as caught:
        services.tickets.issue(alice, "public")
    assert caught.value.code is ErrorCode.NOT_SIGNED_IN
    assert is_good(services, services.tickets.issue(elsewhere, "public"))
    services.accounts.set_password("alice", "new password")
    assert not is_good(services, there)


def test_it_ends_with_the_sessions_lifetime_and_with_the_account(
    services: Services, alice: Actor, clock: FakeClock
) -> None:
    clock.now = alice.session_ends - 10
    ticket = services.tickets.issue(alice, "public")
    clock.now = alice.session_ends
    assert not is_good(services, ticket)
    clock.now = alice.session_ends - 10
    with services.store.write() as tx:
        tx.execute(update(User).where(User.id == alice.user_id).values(deleted_at=clock()))
    assert not is_good(services, ticket)


def test_the_right_to_enter_is_looked_at_again(services: Services, alice: Actor, bob: Actor) -> None:
    gone = services.rooms.create_titled(alice, "gone", access=Access.OPEN).id
    hers = services.rooms.create_titled(alice, "hers", access=Access.INVITE, members=["bob"]).id
    services.rooms.create(alice, "locked", "private", "secret")
    services.memberships.add(alice, "locked", "bob")
    tickets = [services.tickets.issue(bob, room) for room in (gone, hers, "locked")]
    services.rooms.delete(alice, gone)
    services.memberships.leave(bob, hers)
    services.memberships.leave(bob, "locked")
    assert [is_good(services, ticket) for ticket in tickets] == [False] * 3
    assert [room.name for room in services.rooms.joined(bob)] == ["public"]


def test_redeemed_at_the_same_moment_in_two_processes_it_admits_once(
    make_services: Callable[..., Services], services: Services, alice: Actor, bob: Actor, clock: FakeClock
) -> None:
    processes = (services, make_services(clock))
    for _ in range(5):
        room = services.rooms.create_titled(alice, "square", access=Access.OPEN).id
        ticket = services.tickets.issue(bob, room)
        good: list[bool] = []
        run_in_threads(*[lambda h=here, g=good, t=ticket: g.append(is_good(h, t)) for here in processes * 3])
        assert sorted(good) == [False] * 5 + [True]


def test_two_tickets_of_one_user_at_the_same_moment_make_one_membership(
    services: Services, alice: Actor, bob: Actor
) -> None:
    room = services.rooms.create_titled(alice, "square", access=Access.OPEN).id
    tickets = [services.tickets.issue(bob, room) for _ in range(6)]
    run_in_threads(*[lambda t=ticket: services.tickets.redeem(t) for ticket in tickets])
    with services.store.read() as connection:
        query = select(Membership.id).where(Membership.room_id == room, Membership.user_id == bob.user_id)
        assert len(connection.execute(query).all()) == 1
