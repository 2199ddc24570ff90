"""Rows with a limit per person (docs/decisions/0082)."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from chat.errors import ErrorCode
from chat.models import LoginSession
from chat.services import Services
from tests.conftest import FakeClock, sign_up
from tests.unit.bounds import befriend, code_of, crowd


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
