import pytest
from sqlalchemy import update

from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Membership, Role, Room, User
from chat.services import Services
from chat.services.messages import Draft
from chat.services.permissions import ALLOWED, Action, require
from tests.conftest import FakeClock, run_in_threads, sign_up


def roles(services: Services, room: str, asker: str) -> dict[str, Role]:
    actor = next(a for a in ACTORS[services] if a.username == asker)
    return {member.username: member.role for member in services.rooms.members(actor, room)}


ACTORS: dict[Services, list[Actor]] = {}


def crowd(services: Services, *names: str) -> list[Actor]:
    ACTORS[services] = [sign_up(services, name) for name in names]
    return ACTORS[services]


def test_an_owner_passes_the_room_to_the_longest_standing_admin_else_member(services: Services) -> None:
    alice, bob, carol, dave = crowd(services, "alice", "bob", "carol", "dave")
    services.rooms.create(alice, "club", "public", "")
    for actor in (bob, carol, dave):
        services.rooms.join(actor, "club", "")
    with services.store.write() as tx:
        tx.execute(update(Membership).where(Membership.user_id == dave.user_id).values(role=Role.ADMIN))
    services.rooms.leave(alice, "club")
    assert roles(services, "club", "bob") == {"bob": Role.MEMBER, "carol": Role.MEMBER, "dave": Role.OWNER}
    services.rooms.leave(dave, "club")
    assert roles(services, "club", "bob")["bob"] is Role.OWNER


def test_a_deleted_account_counts_nowhere_and_inherits_nothing(services: Services, clock: FakeClock) -> None:
    alice, bob = crowd(services, "alice", "bob")
    services.rooms.create(alice, "club", "public", "")
    services.rooms.join(bob, "club", "")
    with services.store.write() as tx:
        tx.execute(update(User).where(User.id == bob.user_id).values(deleted_at=clock()))
    room = next(r for r in services.rooms.find(alice, unread=False) if r.name == "club")
    assert room.member_count == 1
    assert list(roles(services, "club", "alice")) == ["alice"]
    assert services.sessions.resolve(bob.session_id, bob.user_id) is None
    with pytest.raises(ChatError) as caught:
        services.accounts.authenticate("bob", "secret1", "192.0.2.1")
    assert caught.value.code is ErrorCode.CREDENTIALS_WRONG
    services.rooms.leave(alice, "club")  # nobody is left to have it
    assert [r.name for r in services.rooms.find(alice, unread=False)] == ["public"]


def test_an_invitation_only_room_does_not_exist_for_others(services: Services) -> None:
    alice, bob = crowd(services, "alice", "bob")
    services.rooms.create(alice, "club", "public", "")
    with services.store.write() as tx:
        tx.execute(update(Room).where(Room.name == "club").values(access=Access.INVITE))
    assert [r.name for r in services.rooms.find(bob, unread=True)] == ["public"]
    assert [r.name for r in services.rooms.find(alice, unread=True)] == ["public", "club"]
    for attempt in (
        lambda: services.rooms.join(bob, "club", ""),
        lambda: services.rooms.leave(bob, "club"),
        lambda: services.rooms.delete(bob, "club", ""),
        lambda: services.rooms.members(bob, "club"),
        lambda: services.messages.send(bob, "club", Draft(text="x")),
        lambda: services.messages.history(bob, "club", None, 10),
        lambda: services.pulls.since(bob, {"club": 0}, 10),
    ):
        with pytest.raises(ChatError) as caught:
            attempt()
        assert caught.value.code is ErrorCode.ROOM_NOT_FOUND
    with pytest.raises(ChatError) as caught:
        services.rooms.create(bob, "club", "public", "")
    assert caught.value.code is ErrorCode.ROOM_NAME_TAKEN


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
    run_in_threads(*[lambda: joined.append(services.rooms.join(bob, "club", ""))] * 6)
    assert sorted(joined) == [False] * 5 + [True]
    assert roles(services, "club", "alice") == {"alice": Role.OWNER, "bob": Role.MEMBER}


def test_joining_sets_the_read_mark_to_the_rooms_now(services: Services, clock: FakeClock) -> None:
    alice, bob = crowd(services, "alice", "bob")
    services.rooms.create(alice, "club", "public", "")
    services.messages.send(alice, "club", Draft(text="before"))
    clock.now -= 3600 * SECOND  # even if the clock jumps back
    services.rooms.join(bob, "club", "")
    services.messages.send(alice, "club", Draft(text="after"))
    assert [r.unread for r in services.rooms.find(bob, unread=True) if r.name == "club"] == [1]


def test_lists_are_capped(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chat.services.rooms.LIST_CAP", 3)
    alice, bob = crowd(services, "alice", "bob")
    for number in range(5):
        services.rooms.create(bob, f"room {number}", "public", "")
    services.rooms.create(alice, "mine", "public", "")
    assert [r.name for r in services.rooms.find(alice, unread=True)] == ["public", "mine", "room 0"]


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", [None, *Role])
def test_the_table_of_permissions(action: Action, role: Role | None) -> None:
    if role in ALLOWED[action]:
        require(action, role)
    else:
        with pytest.raises(ChatError):
            require(action, role)
