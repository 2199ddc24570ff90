import pytest
from sqlalchemy import select, update

from chat.errors import ChatError, ErrorCode
from chat.models import Access, EventKind, EventRow, Role, Room, User
from chat.services import Services
from chat.services.access import RoomRef, UserRef
from tests.conftest import FakeClock, run_in_threads, sign_up

pytestmark = pytest.mark.both_databases


def add(services: Services, actor, room: RoomRef, user: UserRef, role: Role = Role.MEMBER) -> ErrorCode | None:
    """Return None on success."""
    try:
        services.memberships.add(actor, room, user, role)
    except ChatError as error:
        return error.code
    return None


def test_any_member_adds_to_roomapis_rooms_and_to_open_ones(services: Services) -> None:
    alice, bob, carol = (sign_up(services, name) for name in ("alice", "bob", "carol"))
    services.rooms.create(alice, "locked", "private", "secret")
    made = [
        services.rooms.joined(alice)[-1].id,
        services.rooms.create_titled(alice, "club", access=Access.INVITE).id,
        services.rooms.create_titled(alice, "square", access=Access.OPEN).id,
    ]
    for room in made:
        assert add(services, alice, room, bob.user_id) is None
        assert add(services, bob, room, "Carol") is None
        assert [m.username for m in services.memberships.members(carol, room)] == ["alice", "bob", "carol"]
    services.memberships.leave(carol, "public")
    assert add(services, bob, "public", carol.user_id) is None


def test_owner_and_admins_add_to_ims_groups_and_direct_conversations_are_closed(services: Services) -> None:
    alice, bob, carol, dave, _ = (sign_up(services, name) for name in ("alice", "bob", "carol", "dave", "eve"))
    room = services.rooms.create_titled(alice, "group", access=Access.GROUP, members=["bob"]).id
    assert add(services, bob, room, "carol") is ErrorCode.FORBIDDEN
    assert add(services, alice, room, "carol", Role.ADMIN) is None
    assert add(services, carol, room, "dave") is None
    with services.store.write() as tx:
        tx.execute(update(Room).where(Room.id == room).values(access=Access.DIRECT))
    for actor in (alice, bob, carol, dave):
        assert add(services, actor, room, "eve") is ErrorCode.FORBIDDEN
    with pytest.raises(ChatError) as caught:
        services.rooms.delete(alice, room)
    assert caught.value.code is ErrorCode.FORBIDDEN


def test_only_the_owner_assigns_admin_and_owner_cannot_be_assigned(services: Services) -> None:
    alice, _, carol = (sign_up(services, name) for name in ("alice", "bob", "carol"))
    room = services.rooms.create_titled(alice, "club", access=Access.INVITE, members=["carol"]).id
    for role in (Role.ADMIN, Role.OWNER):
        assert add(services, carol, room, "bob", role) is ErrorCode.FORBIDDEN
    assert add(services, alice, room, "bob", Role.OWNER) is ErrorCode.FORBIDDEN
    services.memberships.leave(carol, "public")
    assert add(services, alice, "public", "carol", Role.ADMIN) is ErrorCode.FORBIDDEN  # the lobby has no owner
    assert add(services, alice, room, "bob", Role.ADMIN) is None
    assert [m.role for m in services.memberships.members(carol, room)] == [Role.OWNER, Role.MEMBER, Role.ADMIN]


def test_existing_members_keep_their_role(services: Services) -> None:
    alice, _ = sign_up(services, "alice"), sign_up(services, "bob")
    room = services.rooms.create_titled(alice, "club", access=Access.INVITE, members=["bob"]).id
    for user in ("bob", "alice", alice.user_id):
        assert add(services, alice, room, user, Role.ADMIN) is ErrorCode.ALREADY_MEMBER
    assert [m.role for m in services.memberships.members(alice, room)] == [Role.OWNER, Role.MEMBER]


def test_unknown_and_deleted_users_are_not_found(services: Services, clock: FakeClock) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    with services.store.write() as tx:
        tx.execute(update(User).where(User.id == bob.user_id).values(deleted_at=clock()))
    room = services.rooms.create_titled(alice, "club", access=Access.INVITE).id
    for user in ("nobody", "", "bob", bob.user_id, 0, -1, 999, 2**63, -(2**70)):
        assert add(services, alice, room, user) is ErrorCode.USER_NOT_FOUND
    assert [m.username for m in services.memberships.members(alice, room)] == ["alice"]


@pytest.mark.parametrize("access", Access)
def test_non_members_cannot_add_users(services: Services, access: Access) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    room = services.rooms.create_titled(alice, "club", access=access).id
    assert add(services, bob, room, "bob") is ErrorCode.ROOM_NOT_FOUND
    assert add(services, bob, room, "nobody") is ErrorCode.ROOM_NOT_FOUND


def test_added_users_are_notified(services: Services) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    room = services.rooms.create_titled(alice, "club", access=Access.INVITE).id
    assert add(services, alice, room, "bob") is None
    with services.store.read() as connection:
        events = connection.execute(select(EventRow.kind, EventRow.subject_id).order_by(EventRow.id.desc()).limit(5))
        assert events.all()[::-1] == [
            (EventKind.USER, bob.user_id),
            (EventKind.ADMITTED, bob.user_id),
            (EventKind.MEMBERS, room),
            (EventKind.CHANGE, room),
            (EventKind.CONCERNS_MEMBERS, room),
        ]


def test_members_say_when_their_accounts_were_made(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    clock.advance(60)
    bob = sign_up(services, "bob")
    made = clock()
    clock.advance(60)
    room = services.rooms.create_titled(alice, "club", access=Access.INVITE, members=["bob"]).id
    found = services.memberships.members(bob, room)[1]
    assert (found.user_id, found.created_at, found.updated_at) == (bob.user_id, made, made)


def test_added_at_the_same_moment_is_added_once(services: Services) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    room = services.rooms.create_titled(alice, "club", access=Access.INVITE).id
    outcomes: list[ErrorCode | None] = []
    run_in_threads(*[lambda: outcomes.append(add(services, alice, room, bob.user_id))] * 6)
    assert outcomes.count(None) == 1
    assert outcomes.count(ErrorCode.ALREADY_MEMBER) == 5


def test_the_last_one_leaves_while_another_is_added(services: Services) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    for _ in range(20):
        room = services.rooms.create_titled(alice, "club", access=Access.INVITE).id
        outcomes: list[ErrorCode | None] = []
        run_in_threads(
            lambda r=room, o=outcomes: o.append(add(services, alice, r, "bob")),  # type: ignore[misc]
            lambda r=room: services.memberships.leave(alice, r),  # type: ignore[misc]
        )
        if outcomes == [None]:
            assert [(m.username, m.role) for m in services.memberships.members(bob, room)] == [("bob", Role.OWNER)]
            services.rooms.delete(bob, room)
        else:
            assert outcomes == [ErrorCode.ROOM_NOT_FOUND]
            assert [r.title for r in services.rooms.joined(bob)] == ["public"]
