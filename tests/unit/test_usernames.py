"""Names that look like a teacher's (docs/decisions/0112)."""

import time
from functools import partial

import pytest
from sqlalchemy import insert, select, update

from chat.errors import ErrorCode
from chat.models import Access, Actor, User
from chat.services import Services
from chat.services.profiles import Changes
from chat.services.usernames import name_columns
from tests.conftest import make_teacher, sign_up
from tests.unit.bounds import code_of

pytestmark = pytest.mark.both_databases
HERE = "192.0.2.1"
FAKES = ["\u041cs B\u0435rger", "Ms. Berger", "MS. BERGER", "Ms  Berger", "ms\u00adberger"]


@pytest.fixture
def teacher(services: Services) -> Actor:
    made = sign_up(services, "berger1")
    services.profiles.present(made, "Ms Berger", None)
    return make_teacher(services, made)


@pytest.mark.parametrize("fake", FAKES)
def test_no_name_looks_like_a_teachers(services: Services, teacher: Actor, fake: str) -> None:
    accounts, refused = services.accounts, ErrorCode.TEACHERS_NAME
    pupil = sign_up(services, "pupil")
    assert code_of(lambda: accounts.create(fake, "secret1", HERE)) is refused
    assert code_of(lambda: accounts.register("other", "secret1", HERE, fake)) is refused
    assert code_of(lambda: accounts.register_by_email("a@b.cd", "secret1", fake, HERE)) is refused
    assert code_of(lambda: services.profiles.present(pupil, fake, None)) is refused
    assert code_of(lambda: services.profiles.change(pupil, "secret1", Changes(nickname=fake), HERE)) is refused
    assert code_of(lambda: services.teachers.rename(teacher, "pupil", fake, None)) is refused
    assert code_of(lambda: services.teachers.rename(teacher, "pupil", None, fake)) is refused
    assert code_of(lambda: services.profiles.present(pupil, "MS BERGER", None)) is refused
    services.profiles.present(teacher, fake, None)  # their own


def test_names_are_stored_without_invisible_characters(services: Services, teacher: Actor) -> None:
    accounts, profiles, rooms = services.accounts, services.profiles, services.rooms
    hidden = "K\u00adi\u200bm\u2800"

    def names_of(user_id: int) -> tuple[str, str]:
        found = accounts.find(user_id)
        return found.username, found.nickname

    assert names_of(accounts.create(hidden, "secret1", HERE)) == ("Kim", "Kim")
    assert names_of(accounts.register("kim2", "secret1", HERE, f"{hidden}2")[0]) == ("kim2", "Kim2")
    assert names_of(accounts.register_by_email("a@b.cd", "secret1", f"{hidden}3", HERE)[0])[1] == "Kim3"
    pupil = sign_up(services, "pupil")
    profiles.present(pupil, f"{hidden}4", None)
    assert names_of(pupil.user_id)[1] == "Kim4"
    profiles.change(pupil, "secret1", Changes(nickname=f"{hidden}5"), HERE)
    assert names_of(pupil.user_id)[1] == "Kim5"
    services.teachers.rename(teacher, "pupil", f"{hidden}6", f"{hidden}7")
    assert names_of(pupil.user_id) == ("Kim6", "Kim7")
    assert code_of(lambda: accounts.create("kim\ufeff", "secret1", HERE)) is ErrorCode.USERNAME_TAKEN
    content = f"username,name,rooms\n{hidden}8,{hidden}9,{hidden} 10\n".encode()
    line = services.roster_imports.check(teacher, content).roster.lines[0]
    assert (line.username, line.name) == ("Kim8", "Kim9")

    kinds = (Access.OPEN, Access.INVITE, Access.GROUP)
    made = [rooms.create_titled(teacher, f"{hidden} {kind}", access=kind).id for kind in kinds]
    made.append(rooms.create(teacher, f"{hidden} a"))
    with services.store.write() as tx:
        rooms.rename_within(tx, made[0], f"{hidden} b")
        made.append(rooms.make_open_within(tx, f"{hidden} c", teacher.user_id))
    titles = {rooms.view(teacher, room_id).name for room_id in made}
    assert titles == {"Kim a", "Kim b", f"Kim {Access.INVITE}", f"Kim {Access.GROUP}", "Kim c"}
    assert code_of(lambda: rooms.create(teacher, "KIM\u00ad A")) is ErrorCode.ROOM_NAME_TAKEN


def test_nor_does_a_name_in_a_roster(services: Services, teacher: Actor) -> None:
    for line in ("b\u0435rger1,Kim", "kim,Ms. Berger", "berger-1,Kim"):
        found = services.roster_imports.check(teacher, f"username,name\n{line}\n".encode())
        assert [each.problem.name for each in found.roster.complaints] == ["LIKE_TEACHER"], line


def test_nobody_becomes_a_teacher_beside_a_name_that_looks_alike(services: Services, teacher: Actor) -> None:
    sign_up(services, "hill")
    services.accounts.create("fake", "secret1", HERE, "HiIl")
    assert code_of(lambda: services.teachers.appoint(teacher, "hill", is_teacher=True)) is ErrorCode.LOOKS_LIKE_OTHER
    services.teachers.rename(teacher, "fake", None, "fake")
    services.teachers.appoint(teacher, "hill", is_teacher=True)
    assert code_of(lambda: services.teachers.rename(teacher, "fake", None, "H1ll")) is ErrorCode.TEACHERS_NAME


def test_a_claim_beside_a_look_alike_is_refused_and_its_link_stays(services: Services) -> None:
    token = services.site.new_claim()
    assert token
    first = sign_up(services, "hill")
    services.accounts.create("hi11", "secret1", HERE)
    assert code_of(lambda: services.teachers.claim(first, token)) is ErrorCode.LOOKS_LIKE_OTHER
    services.teachers.rename(None, "hi11", "other", "other")
    services.teachers.claim(first, token)


def test_teachers_may_look_alike_and_one_who_ceases_to_be_one_is_renamed_first(
    services: Services, teacher: Actor
) -> None:
    sign_up(services, "berger2")
    services.teachers.appoint(teacher, "berger2", is_teacher=True)
    services.teachers.rename(teacher, "berger2", None, "Ms Berger")
    revoke = partial(services.teachers.appoint, teacher, "berger2", is_teacher=False)
    assert code_of(revoke) is ErrorCode.TEACHERS_NAME
    services.teachers.rename(teacher, "berger2", None, "berger2")
    assert code_of(revoke) is None


def test_an_account_that_would_come_back_with_a_teachers_name_does_not(services: Services, teacher: Actor) -> None:
    user_id, session, _ = services.accounts.register_by_email("a@b.cd", "secret1", "Mr Hill", HERE)
    pupil = services.sessions.resolve(session.id, user_id)
    assert pupil is not None
    services.profiles.delete(pupil)
    services.teachers.rename(teacher, "berger1", None, "Mr HiIl")
    again = partial(services.accounts.register_by_email, "a@b.cd", "secret1", "x", HERE)
    assert code_of(again) is ErrorCode.TEACHERS_NAME
    with services.store.read() as connection:
        assert connection.execute(select(User.deleted_at).where(User.id == user_id)).scalar() is not None


def test_names_stay_as_the_roster_has_them_where_the_site_says_so(services: Services, teacher: Actor) -> None:
    user_id, session, _ = services.accounts.register_by_email("a@b.cd", "secret1", "Kim", HERE)
    pupil = services.sessions.resolve(session.id, user_id)
    assert pupil is not None
    services.site.change(teacher, 0, {"pupils_change_names": False})
    for changes in (Changes(nickname="Kimmy"), Changes(email="k@b.cd")):
        assert code_of(partial(services.profiles.change, pupil, "secret1", changes, HERE)) is ErrorCode.NAMES_FIXED
    assert code_of(lambda: services.profiles.present(pupil, "Kimmy", None)) is ErrorCode.NAMES_FIXED
    services.profiles.change(pupil, "secret1", Changes(nickname="Kim", profile="hello"), HERE)  # the same name
    services.profiles.present(teacher, "Ms B", None)
    services.teachers.rename(teacher, "a@b.cd", None, "Kimmy")


def test_looking_for_alike_names_among_2000_people_is_quick(services: Services, teacher: Actor) -> None:
    rows = [
        {**name_columns(username=f"pupil {n}", nickname=f"Pupil No. {n}"), "password_sha1": "", "password_md5": ""}
        for n in range(2000)
    ]
    with services.store.write() as tx:
        tx.execute(insert(User), [row | {"created_at": n} for n, row in enumerate(rows)])
        tx.execute(update(User).where(User.username == "pupil 7").values(nickname="x"))
    begun = time.process_time()
    for n in range(20):
        assert code_of(partial(services.teachers.rename, teacher, f"pupil {n}", None, f"M{n}")) is None
        assert code_of(lambda: services.accounts.create("Ms.Berger", "secret1", HERE)) is ErrorCode.TEACHERS_NAME
    assert (time.process_time() - begun) / 40 < 0.02
