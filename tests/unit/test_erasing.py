"""Half a day after its deletion, nothing in the database tells whose account it was."""

import base64
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from chat.errors import ErrorCode
from chat.extensions import db
from chat.models import Access, Actor, FriendRequest, LoginSession, Message, Room, User
from chat.services import Services
from chat.services.messages import Draft
from chat.services.profiles import Changes
from tests.conftest import FakeClock, sign_up
from tests.database import engine_of
from tests.pictures import picture
from tests.unit.bounds import befriend, code_of

HALF_A_DAY = 12 * 3600
ADDRESS = "jacqueline.quirk@example.com"
HERE = "192.0.2.1"
TAKEN = ErrorCode.USERNAME_TAKEN
TRACES = ("quirk", "jacky", "hobby")  # of names, address, nicknames, profile and texts about oneself
pytestmark = pytest.mark.usefixtures("no_pauses")


def traces(services: Services) -> set[str]:
    """The tables in which a trace of the account is."""
    with services.store.read() as connection:
        return {
            table.name
            for table in db.metadata.sorted_tables
            for row in connection.execute(select(table))
            if any(trace in str(tuple(row)).lower() for trace in TRACES)
        }


def one(services: Services, query: Any) -> Any:
    with services.store.read() as connection:
        return connection.execute(query).scalar()


@pytest.fixture
def friend(services: Services) -> Actor:
    return sign_up(services, "friend")


@pytest.fixture
def jacky(services: Services, friend: Actor) -> Actor:
    """An account with something of everything."""
    user_id, session, _ = services.accounts.register_by_email(ADDRESS, "secret1", "Jacky Q", HERE)
    actor = services.sessions.resolve(session.id, user_id)
    assert actor is not None
    services.teachers.rename(None, ADDRESS, None, "Quirky")  # in the audit log
    avatar = base64.b64encode(picture()).decode()
    services.profiles.change(actor, "secret1", Changes(profile="my hobby: chess", avatar=avatar), HERE)
    befriend(services, friend, actor)
    services.friend_groups.create(actor, "hobby")
    services.friends.request(actor, sign_up(services, "stranger").user_id, "I am Jacky")
    room = services.rooms.create(friend, "club", members=[ADDRESS])
    services.join_codes.renew(actor, services.rooms.create(actor, "own"))  # an act of hers
    said = services.messages.send(actor, room, Draft(text="I am Jacqueline Quirk")).id
    services.changes.edit(actor, room, said, "good morning")
    services.moderation.mute(friend, room, ADDRESS, 5)  # an act on her
    services.rooms.create_titled(actor, "alone", access=Access.INVITE)
    return actor


@pytest.mark.both_databases
def test_after_half_a_day_no_table_has_a_trace(
    services: Services, clock: FakeClock, friend: Actor, jacky: Actor
) -> None:
    assert traces(services) >= {"users", "audit", "changes", "friend_requests", "friend_groups"}
    services.profiles.delete(jacky)
    clock.advance(HALF_A_DAY)
    services.eraser.erase()
    assert "users" in traces(services)  # not before
    clock.advance(601)
    services.eraser.erase()
    assert traces(services) == set()
    gone = f"deleted-{jacky.user_id}"
    last = services.messages.history(friend, "club", None, 1)[0]
    assert (last.content, last.username, last.nickname, last.avatar) == ("good morning", gone, gone, "")
    assert one(services, select(LoginSession.id).where(LoginSession.user_id == jacky.user_id)) is None
    assert one(services, select(FriendRequest.id).where(FriendRequest.sender_id == jacky.user_id)) is None
    assert one(services, select(Message.id).where(Message.sender_id == jacky.user_id)) is not None


@pytest.mark.both_databases
def test_the_names_to_log_in_with_stay_taken(services: Services, clock: FakeClock, friend: Actor, jacky: Actor) -> None:
    services.profiles.delete(sign_up(services, "Jacky"))
    services.profiles.delete(jacky)
    clock.advance(HALF_A_DAY + 1)
    services.eraser.erase()
    for name in ("jACKY", ADDRESS.upper(), "Ｊacky"):
        register = partial(services.accounts.create, name, "secret1", HERE)
        rename = partial(services.teachers.rename, None, "friend", name, None)
        present = partial(services.profiles.present, friend, name, None)
        assert [code_of(act) for act in (register, rename, present)] == [*2 * [TAKEN], ErrorCode.NICKNAME_TAKEN]
        for line, problem in ((f"{name},Kim", "TAKEN"), (f"kim,{name}", "NAME_TAKEN")):
            found = services.roster_imports.check(None, f"username,name\n{line}\n".encode()).roster.complaints
            assert [each.problem.name for each in found] == [problem], line
    again = partial(services.accounts.register_by_email, ADDRESS, "secret1", "new", HERE)
    move = partial(services.profiles.change, friend, "secret1", Changes(email=ADDRESS), HERE)
    assert [code_of(act) for act in (again, move)] == 2 * [TAKEN]
    services.accounts.create("Jackie", "secret1", HERE)


@pytest.mark.sqlite_only
def test_nor_has_the_file(services: Services, clock: FakeClock, friend: Actor, jacky: Actor) -> None:
    services.profiles.delete(jacky)
    clock.advance(HALF_A_DAY + 1)
    services.eraser.erase()
    services.store.dispose()  # the last connection moves the log into the file
    with open(str(engine_of(services).url.database), "rb") as file:
        content = file.read().lower()
    assert [trace for trace in TRACES if trace.encode() in content] == []


def test_rooms_in_which_nobody_is_left_go_with_the_last(services: Services, clock: FakeClock, jacky: Actor) -> None:
    services.profiles.delete(jacky)
    clock.advance(HALF_A_DAY + 1)
    services.eraser.erase()
    with services.store.read() as connection:
        living = connection.execute(select(Room.title).where(Room.deleted_at.is_(None))).scalars().all()
    assert set(living) == {"public", "club", "#2"}  # the last: with the friend


def test_a_restored_account_keeps_everything(services: Services, clock: FakeClock, jacky: Actor) -> None:
    before = traces(services)
    services.profiles.delete(jacky)
    clock.advance(HALF_A_DAY - 1)
    user_id, _, was_restored = services.accounts.register_by_email(ADDRESS, "secret1", "other", HERE)
    assert (user_id, was_restored) == (jacky.user_id, True)
    clock.advance(HALF_A_DAY + 1)
    services.eraser.erase()
    assert traces(services) == before


def test_a_person_called_like_an_erased_one_is_no_obstacle(services: Services, clock: FakeClock, jacky: Actor) -> None:
    services.accounts.create(f"deleted-{jacky.user_id}", "secret1", HERE)
    services.profiles.delete(jacky)
    clock.advance(HALF_A_DAY + 1)
    services.eraser.erase()
    name = one(services, select(User.username).where(User.id == jacky.user_id))
    assert name.startswith(f"deleted-{jacky.user_id}-")
    assert code_of(lambda: services.accounts.log_in(name, "", HERE)) is ErrorCode.CREDENTIALS_WRONG
