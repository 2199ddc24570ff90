"""Reading rosters as spreadsheets save them, and importing them, all or nothing."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import insert, select

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Role, RosterImport, User
from chat.security import passwords
from chat.services import Services
from chat.services.credentials import hashes
from chat.services.roster_imports import DEAD_AFTER_S, ImportState
from chat.services.roster_parsing import MOST_BYTES, MOST_LINES, Problem, read_roster
from tests.conftest import FakeClock, sign_up
from tests.real_server import wait_until

HERE = "192.0.2.1"
ENGLISH = "username,name,password,rooms\nkim,Kim Lee,,physics;7b\nbo,,secret9,\n"
CHINESE = "用户名;姓名;密码;房间\n小明;王小明;;物理\n"

KOREAN = "username,name\nm1,김민서\nm2,이준호\nm3,박지우\nm4,최현정\nm5,정수영\n"


def problems(text: str | bytes) -> list[tuple[int, Problem]]:
    data = text if isinstance(text, bytes) else text.encode()
    return [(each.line, each.problem) for each in read_roster(data, 6, 128).complaints]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_encoding_separator_and_line_end(encoding: str, separator: str, line_end: str) -> None:
    text = CHINESE.replace(";", separator).replace("\n", line_end)
    found = read_roster(text.encode(encoding), 6, 128)
    assert found.complaints == []
    assert [(line.username, line.name, line.password, line.rooms) for line in found.lines] == [
        ("小明", "王小明", "", ("物理",))
    ]


def test_columns_in_any_order_and_quoted_cells() -> None:
    text = 'Class, Rooms ,"NAME",Username\n7b," physics ; 7b；7b","Lee, ""Kim""",kim\n\n,,,\n8c,,,bo\n'
    found = read_roster(text.encode(), 6, 128)
    assert found.complaints == []
    assert [(line.line, line.username, line.name, line.rooms) for line in found.lines] == [
        (2, "kim", 'Lee, "Kim"', ("physics", "7b")),
        (5, "bo", "bo", ()),
    ]


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gbk"])
def test_the_line_that_names_the_separator_is_skipped(line: str, line_end: str, encoding: str) -> None:
    text = f"{line}\nusername;name\nm1;Lee, Kim\n;\n;no one\n".replace("\n", line_end)
    found = read_roster(text.encode(encoding), 6, 128)
    assert [(each.line, each.username, each.name) for each in found.lines] == [(3, "m1", "Lee, Kim")]
    assert [(each.line, each.problem) for each in found.complaints] == [(5, Problem.USERNAME_MISSING)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [(0, Problem.NO_HEADER)]),
        ("kim,Kim\nbo,Bo\n", [(0, Problem.NO_HEADER)]),
        ("name,password\nKim,\n", [(0, Problem.NO_HEADER)]),
        ("username\n", [(0, Problem.NO_PEOPLE)]),
        (b"username\n\x81\xff\xff", [(0, Problem.ENCODING)]),
        (b"\xff\xfeu", [(0, Problem.ENCODING)]),
        ("username;name\nm1;Jörg Müller\n".encode("cp1252"), [(0, Problem.ENCODING)]),  # else "M黮ler", silently
        ("username,name\nm1,Hélène\n".encode("cp1252"), [(0, Problem.ENCODING)]),
        ("username,rooms\nm1,École\n".encode("cp1252"), [(0, Problem.ENCODING)]),
        ("username,name\nm1,Łukasz Żak\n".encode("cp1250"), [(0, Problem.ENCODING)]),
        ("username,name\nm1,Hélène\n".encode("mac-roman"), [(0, Problem.ENCODING)]),
        (b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0", [(0, Problem.SPREADSHEET)]),  # .xlsx
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", [(0, Problem.SPREADSHEET)]),  # .xls
        ("username,name\nm1,Zoe\n".encode("utf-32"), [(0, Problem.ENCODING)]),
        ("username,name\nm1,Zoe\n".encode("utf-32-le"), [(0, Problem.ENCODING)]),
        ("username,name\nm1,Zoe\n".encode("utf-32-be"), [(0, Problem.ENCODING)]),
        (b"username,name\nm1,Z\0oe\n", [(0, Problem.ENCODING)]),
        (b"username,name\0\nm1,Z\0oe\n", [(0, Problem.ENCODING)]),
        ("username,name\nm1,Z\0oe\n".encode("utf-16"), [(0, Problem.ENCODING)]),
        ("name\nZoe\n".encode("utf-16"), [(0, Problem.NO_HEADER)]),
        ("帳號,姓名\nm1,林怡君\n".encode("big5"), [(0, Problem.ENCODING)]),
        ("username,name\nm1,陳大文\nm2,黃志強\n".encode("big5"), [(0, Problem.ENCODING)]),
        ("username,name\nm1,林怡君\n".encode("big5"), [(0, Problem.ENCODING)]),
        ("username,name\nm1,Анна\n".encode("cp1251"), [(0, Problem.ENCODING)]),
        ("username,name\nm1,Иван Петров\nm2,Ольга\n".encode("cp1251"), [(0, Problem.ENCODING)]),
        ("username,name\nm1,山田太郎\n".encode("shift_jis"), [(0, Problem.ENCODING)]),
        (KOREAN.encode("euc_kr"), [(0, Problem.ENCODING)]),
        (KOREAN.replace("박", "뷁").encode("cp949"), [(0, Problem.ENCODING)]),  # a syllable that EUC-KR lacks
        (
            "username,name,rooms\nm1,陈海林,化班\nm2,何俊豪,化班\nm3,高明,化班\nm4,冯佳琪,化班\nm5,张大伟,化班".encode(
                "gbk"
            ),
            [],
        ),
        (b"username,rooms\n" + b"".join(b"m%d,%s\n" % (n, "化班".encode("gbk")) for n in range(30)), []),
        ("username;name\nm1;龚（翙）\nm2;朱镕基\n".encode("gbk"), []),
        ("姓名,用户名\n犇淼,m1\n堃喆,m2\n焱垚,m3\n".encode("gbk"), []),  # rare, but the head is Chinese
        ("username;name\nm1;张伟a\n".encode("gbk"), []),
        ("username,rooms\nm1,math；art\n".encode("gbk"), []),  # nothing else is Chinese
        ("username,name\nm1,Ａｎｎａ\n".encode("gbk"), []),
        ("username;name\nm1;朱镕基\nm2;𠮷野a\n".encode("gb18030"), []),
        ('username\n"kim\n', [(2, Problem.BROKEN)]),
        ('username\nbo\n"kim\nana\nzoe\n', [(3, Problem.BROKEN)]),  # where the quotation mark is
        ("username\n" + "x" * 200_000, [(2, Problem.BROKEN)]),  # one endless cell
        ("username,name\n,Kim\n", [(2, Problem.USERNAME_MISSING)]),
        ("username\n" + "x" * 33, [(2, Problem.USERNAME)]),
        ("username,name\nkim," + "x" * 33, [(2, Problem.NAME)]),
        ("username,password\nkim,short", [(2, Problem.PASSWORD)]),
        ("username,rooms\nkim,a;status\n", [(2, Problem.ROOM)]),
        ("username,rooms\nkim," + ";".join(map(str, range(21))), [(2, Problem.ROOMS)]),
        ("username\n=cmd()\n", [(2, Problem.FORMULA)]),
        ("username\n＝cmd()\n", [(2, Problem.FORMULA)]),
        ("\ufeff\ufeffusername\nkim\n", []),
        ('\ufeff\ufeff"username"\nkim\n', []),
        ("user\u200bname\u200e,\u2066name\u2069\nkim,Kim\n", []),
        ("username,name\nkim,@SUM(1)\n", [(2, Problem.FORMULA)]),
        ("username,rooms\nkim,+1\n", [(2, Problem.FORMULA)]),
        ("username;name;password;rooms\nkim;Kim;;math;art\n", [(2, Problem.NO_COLUMN)]),  # else only math, silently
        ("username,name,password\nkim,Lee, Kimberly,secret1\n", [(2, Problem.NO_COLUMN)]),
        ("username,name\nkim,Kim,, \n", []),
        ('username;rooms\nkim;"math;art"\n', []),
        ("username\nkim\nbo\nＫIM\n", [(4, Problem.TWICE)]),
        ("username\n" + "x\n" * (MOST_LINES + 1), [(0, Problem.TOO_MANY)]),
        (b"username\n" + b"x" * MOST_BYTES, [(0, Problem.TOO_LARGE)]),
    ],
)
def test_problems_are_told_by_line(text: str | bytes, found: list[tuple[int, Problem]]) -> None:
    assert problems(text) == found


def test_mistakes_without_end_are_cut() -> None:
    assert len(problems("username\n" + "=x\n" * 1500)) == 100


def imported(services: Services, teacher: Actor, text: str, *, passwords: bool = False) -> dict[str, str]:
    """Import, wait for the end, and give the passwords by username."""
    import_id, cards = services.roster_imports.begin(teacher, text.encode(), resets_passwords=passwords)
    wait_until(
        lambda: services.roster_imports.status(teacher, import_id).state is not ImportState.RUNNING, "the import ends"
    )
    status = services.roster_imports.status(teacher, import_id)
    assert (status.state, status.done) == (ImportState.DONE, status.total)
    return {card.username: card.password for card in cards}


def rooms_of(services: Services, username: str, password: str) -> dict[str, Role | None]:
    user_id, session = services.accounts.log_in(username, password, HERE)
    actor = services.sessions.resolve(session.id, user_id)
    assert actor is not None
    return {room.name: room.role for room in services.rooms.joined(actor)}


def test_everybody_gets_an_account_and_is_in_their_rooms(services: Services, teacher: Actor) -> None:
    passwords = imported(services, teacher, ENGLISH)
    assert passwords["bo"] == "secret9"
    assert rooms_of(services, "bo", "secret9") == {"public": Role.MEMBER}
    assert rooms_of(services, "kim", passwords["kim"]) == dict.fromkeys(("public", "physics", "7b"), Role.MEMBER)
    assert {room.name: room.role for room in services.rooms.joined(teacher)}["physics"] is Role.OWNER
    assert services.accounts.find("kim").nickname == "Kim Lee"


def test_importing_again_updates_names_and_rooms_but_no_passwords(services: Services, teacher: Actor) -> None:
    first = imported(services, teacher, ENGLISH)
    second = imported(services, teacher, "username,name,password,rooms\nKIM,Kim L.,secret7,7c\nbo,,,\n")
    assert second == {"KIM": "", "bo": ""}
    assert services.accounts.find("kim").nickname == "Kim L."
    assert set(rooms_of(services, "kim", first["kim"])) == {"public", "physics", "7b", "7c"}
    third = imported(services, teacher, "username,password\nkim,secret7\nbo,\n", passwords=True)
    assert third["kim"] == "secret7"
    assert third["bo"] not in {"", "secret9"}
    assert rooms_of(services, "bo", third["bo"])
    with pytest.raises(ChatError):
        services.accounts.log_in("kim", first["kim"], HERE)


def test_one_bad_line_and_nothing_is_imported(services: Services, teacher: Actor) -> None:
    secret = sign_up(services, "pupil")
    services.rooms.create_titled(secret, "secret", access=Access.INVITE)
    services.accounts.register_by_email("kim@example.com", "secret1", "Kim", HERE)
    services.teachers.delete(teacher, "kim@example.com")
    services.accounts.create("gone", "secret1", HERE)
    services.teachers.delete(teacher, "gone")
    text = "username,rooms\nnew,\ngone,\nteacher,\nother,secret\nkim@example.com,\n"
    found = services.roster_imports.check(teacher, text.encode())
    assert [(each.line, each.problem) for each in found.roster.complaints] == [
        (3, Problem.TAKEN),
        (4, Problem.TEACHER),
        (5, Problem.PRIVATE_ROOM),
        (6, Problem.TAKEN),
    ]
    text_of_names = "username,name\nx,pupil\ny,z\nz,\npupil,Pupil\n"
    found = services.roster_imports.check(teacher, text_of_names.encode())
    assert [(each.line, each.problem) for each in found.roster.complaints] == [
        (2, Problem.NAME_TAKEN),
        (3, Problem.NAME_TAKEN),
    ]
    with pytest.raises(ChatError) as caught:
        services.roster_imports.begin(teacher, text.encode(), resets_passwords=False)
    assert caught.value.code is ErrorCode.ROSTER_INVALID
    with pytest.raises(ChatError):
        services.accounts.find("new")


def test_changes_in_between_let_the_whole_import_fail(
    services: Services, teacher: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_hashing, may_go_on = threading.Event(), threading.Event()

    def slow(*job: Any) -> dict[str, Any]:
        is_hashing.set()
        assert may_go_on.wait(30)
        return hashes(*job)

    monkeypatch.setattr("chat.services.roster_hashing.hashes", slow)
    import_id, _ = services.roster_imports.begin(teacher, ENGLISH.encode(), resets_passwords=False)
    assert is_hashing.wait(30)
    with pytest.raises(ChatError) as caught:
        services.roster_imports.begin(teacher, ENGLISH.encode(), resets_passwords=False)
    assert caught.value.code is ErrorCode.IMPORT_RUNNING
    services.accounts.create("bo", "secret1", HERE)
    services.teachers.delete(teacher, "bo")
    may_go_on.set()
    wait_until(
        lambda: services.roster_imports.status(teacher, import_id).state is ImportState.FAILED, "the import fails"
    )
    assert services.roster_imports.status(teacher, import_id).reason == ErrorCode.ROSTER_CHANGED.name
    with pytest.raises(ChatError):
        services.accounts.find("kim")


def test_an_import_whose_process_died_has_failed(services: Services, teacher: Actor, clock: FakeClock) -> None:
    import_id = "begun by another process"
    row = {"id": import_id, "state": ImportState.RUNNING, "total": 5, "moved_at": clock()}
    with services.store.write() as tx:
        tx.execute(insert(RosterImport).values(row))
    assert services.roster_imports.status(teacher, import_id).state is ImportState.RUNNING
    clock.advance(DEAD_AFTER_S + 1)
    assert services.roster_imports.status(teacher, import_id).state is ImportState.FAILED
    imported(services, teacher, ENGLISH)  # and another may begin
    clock.advance(90_000)
    services.roster_imports.purge()
    with services.store.read() as connection:
        assert connection.execute(select(RosterImport.id)).all() == []


def test_only_generated_passwords_are_hashed_at_low_cost(
    services: Services, teacher: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_light_hasher", PasswordHasher(time_cost=1, memory_cost=128, parallelism=1))
    imported(services, teacher, ENGLISH)
    with services.store.read() as connection:
        rows = connection.execute(select(User.username, User.password_sha1).where(User.username.in_(["kim", "bo"])))
        assert {row.username: row.password_sha1.split("$")[3] for row in rows} == {
            "kim": "m=128,t=1,p=1",
            "bo": "m=64,t=1,p=1",
        }


def test_two_thousand_people_are_one_short_transaction(services: Services, teacher: Actor) -> None:
    text = "username,rooms\n" + "".join(f"pupil {number},7{number % 9};all\n" for number in range(2000))
    imported(services, teacher, text)
    with services.store.read() as connection:
        assert len(connection.execute(select(User.id)).all()) == 2001
    assert len(services.memberships.members(teacher, "all")) == 2001
    assert services.rooms.view(teacher, "70").member_count == 224  # the teacher too


def test_rosters_are_for_teachers(services: Services, teacher: Actor) -> None:
    pupil = sign_up(services, "pupil")
    acts: list[Callable[[], object]] = [
        lambda: services.roster_imports.check(pupil, ENGLISH.encode()),
        lambda: services.roster_imports.begin(pupil, ENGLISH.encode(), resets_passwords=False),
        lambda: services.roster_imports.status(pupil, "x"),
    ]
    for act in acts:
        with pytest.raises(ChatError) as caught:
            act()
        assert caught.value.code is ErrorCode.NOT_TEACHER
    with pytest.raises(ChatError) as caught:
        services.roster_imports.status(teacher, "x" * 1000)
    assert caught.value.code is ErrorCode.IMPORT_UNKNOWN


def test_an_import_is_refused_where_another_one_has_made_the_accounts_since_the_check(
    services: Services, teacher: Actor
) -> None:
    data = ENGLISH.encode()
    known = len(services.roster_imports.check(teacher, data).known)
    lost, _ = services.roster_imports.begin(teacher, data, resets_passwords=False, known=known)
    wait_until(lambda: services.roster_imports.status(teacher, lost).state is ImportState.DONE, "it ends")
    with pytest.raises(ChatError) as caught:
        services.roster_imports.begin(teacher, data, resets_passwords=False, known=known)
    assert caught.value.code is ErrorCode.ROSTER_CHANGED
    now = len(services.roster_imports.check(teacher, data).known)
    again, cards = services.roster_imports.begin(teacher, data, resets_passwords=True, known=now)
    assert all(card.password for card in cards)
    wait_until(lambda: services.roster_imports.status(teacher, again).state is ImportState.DONE, "it ends")
