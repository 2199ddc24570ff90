"""Rooms and accounts that several threads make, join and delete at once."""

from collections.abc import Callable

from sqlalchemy import select

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Message, Role
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import FakeClock, run_in_threads, sign_up
from tests.unit.test_rooms import crowd, roles


def test_names_taken_at_the_same_moment_are_taken_once(services: Services) -> None:
    actors = crowd(services, *"abcdefgh")
    outcomes: list[str] = []

    def create(actor) -> None:
        try:
            services.rooms.create(actor, "Race", "public", "")
            outcomes.append("made")
        except ChatError as error:
            outcomes.append(error.code.name)

    run_in_threads(*[lambda a=actor: create(a) for actor in actors])
    assert sorted(outcomes) == ["ROOM_NAME_TAKEN"] * 7 + ["made"]


def test_accounts_taken_at_the_same_moment_are_taken_once(services: Services) -> None:
    outcomes: list[str] = []

    def register(name: str) -> None:
        try:
            services.accounts.register(name, "secret1", "192.0.2.1")
            outcomes.append("made")
        except ChatError as error:
            outcomes.append(error.code.name)

    run_in_threads(*[lambda n=name: register(n) for name in ("Eve", "eve", "EVE", "ｅｖｅ")])
    assert sorted(outcomes) == ["USERNAME_TAKEN"] * 3 + ["made"]


def test_joining_at_the_same_moment_makes_one_membership(services: Services) -> None:
    alice, bob = crowd(services, "alice", "bob")
    services.rooms.create(alice, "club", "public", "")
    joined: list[bool] = []
    run_in_threads(*[lambda: joined.append(services.memberships.join(bob, "club", ""))] * 6)
    assert sorted(joined) == [False] * 5 + [True]
    assert roles(services, "club", "alice") == {"alice": Role.OWNER, "bob": Role.MEMBER}


def test_sixty_pupils_of_two_processes_make_room1_at_once(
    make_services: Callable[..., Services], services: Services, clock: FakeClock
) -> None:
    processes = (services, make_services(clock))
    pupils = [sign_up(services, f"pupil {number}") for number in range(6)]

    def make(here: Services, pupil: Actor) -> None:
        for _ in range(10):
            here.rooms.create_titled(pupil, "room1", access=Access.INVITE)

    run_in_threads(*[lambda h=h, p=p: make(h, p) for h, p in zip(processes * 3, pupils, strict=True)])
    rooms = sorted((room for pupil in pupils for room in services.rooms.joined(pupil)[1:]), key=lambda room: room.id)
    assert len(rooms) == 60
    assert {room.title for room in rooms} == {"room1"}
    assert [room.name for room in rooms] == ["room1", *(f"room1 #{room.id}" for room in rooms[1:])]


def test_a_name_is_given_once_to_rooms_of_both_kinds(services: Services) -> None:
    alice = sign_up(services, "alice")
    refused: list[ErrorCode] = []

    def by_name() -> None:
        try:
            services.rooms.create(alice, "club", "public", "")
        except ChatError as error:
            refused.append(error.code)

    def titled() -> None:
        services.rooms.create_titled(alice, "club", access=Access.OPEN)

    run_in_threads(by_name, titled, by_name, titled)
    rooms = services.rooms.joined(alice)[1:]
    assert len([room for room in rooms if room.name == "club"]) == 1
    assert len(rooms) == 4 - len(refused)
    assert set(refused) == {ErrorCode.ROOM_NAME_TAKEN}


def test_nothing_is_stored_in_a_room_once_it_is_deleted(services: Services) -> None:
    alice = sign_up(services, "alice")
    for _ in range(5):
        room_id = services.rooms.create_titled(alice, "club", access=Access.OPEN).id
        sent: list[int] = []
        stored: list[int] = []

        def send(room_id: int = room_id, sent: list[int] = sent) -> None:
            try:
                for _ in range(10):
                    message = services.messages.send(alice, room_id, Draft(text="x"))
                    sent.append(message.id)
            except ChatError as error:
                if error.code is not ErrorCode.ROOM_NOT_FOUND:
                    raise

        def delete(room_id: int = room_id, stored: list[int] = stored) -> None:
            services.rooms.delete(alice, room_id)
            stored += in_room(services, room_id)

        run_in_threads(send, delete)
        assert in_room(services, room_id) == stored == sent


def in_room(services: Services, room_id: int) -> list[int]:
    with services.store.read() as connection:
        return list(connection.execute(select(Message.id).where(Message.room_id == room_id)).scalars())
