"""Search gives the same on both databases, and finds only what the user may read."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import delete, select, text

from chat import folding
from chat.backends.postgresql import text_index as pg_trigrams
from chat.backends.sqlite import text_index as trigrams
from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Message
from chat.services import Services, search
from chat.services.messages import Draft
from chat.services.search import Found
from tests.conftest import sign_up
from tests.unit.search_corpus import CORPUS, QUERIES

pytestmark = pytest.mark.usefixtures("no_pauses")


def say(services: Services, actor: Actor, room: str | int, *texts: str) -> list[int]:
    """Their ids. Past the limit of sends."""
    return [services.messages.send(actor, room, Draft(text=said)).id for said in texts]


def index(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trigrams, "RECENT", 1)
    services.store.texts.catch_up()


def find(services: Services, actor: Actor, query: str, room: Any = None, user: str | None = None) -> list[str]:
    """All pages' texts, oldest first."""
    found: list[str] = []
    page = Found([], 0)
    for _ in range(1000):
        page = services.search.find(actor, query, room, user, page.next, 3)
        found += [hit.message.content for hit in page.hits]
        if not page.next:
            return found[::-1]
    raise AssertionError("no end")


def texts(numbers: Iterable[int]) -> list[str]:
    return [CORPUS[number] for number in numbers]


@pytest.mark.both_databases
@pytest.mark.parametrize("state", ["indexed", "recent", "half", "small window"])
def test_every_query_of_the_corpus(services: Services, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = sign_up(services, "alice")
    if state == "small window":
        monkeypatch.setattr(pg_trigrams, "WINDOW", 2)
        monkeypatch.setattr(search, "FIRST", 1)
        monkeypatch.setattr(search, "SCAN", 4)
        monkeypatch.setattr(trigrams, "COMMON", 2)
    room = services.rooms.create(alice, "class")
    say(services, alice, room, *CORPUS[:6])
    if state != "recent":
        index(services, monkeypatch)
    say(services, alice, room, *CORPUS[6:])
    if state in {"indexed", "small window"}:
        index(services, monkeypatch)
    for query, expected in QUERIES.items():
        assert find(services, alice, query) == texts(expected), query
        assert find(services, alice, query, "class") == texts(expected), query


@pytest.mark.both_databases
def test_in_a_big_room_the_index_is_asked(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SCAN", 4)
    alice = sign_up(services, "alice")
    say(services, alice, "public", *CORPUS)
    index(services, monkeypatch)
    for query, expected in QUERIES.items():
        assert find(services, alice, query, "public") == texts(expected), query


@pytest.mark.both_databases
def test_edits_deletions_and_purges_are_followed(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = sign_up(services, "alice")
    edited, deleted, purged, _ = say(services, alice, "public", "kept one", "kept two", "kept three", "kept four")
    index(services, monkeypatch)
    services.changes.edit(alice, "public", edited, "changed one")
    services.changes.delete_in(alice, "public", deleted)
    with services.store.write() as tx:
        tx.execute(delete(Message).where(Message.id == purged))
    assert find(services, alice, "kept") == ["kept four"]
    assert find(services, alice, "changed") == ["changed one"]
    assert find(services, alice, "ed") == ["changed one"]
    if services.store.disk_free() is not None:
        with services.store.read() as connection:
            left = connection.execute(text("SELECT rowid FROM message_search WHERE message_search MATCH 'kep'")).all()
        assert len(left) == 1


@pytest.mark.both_databases
def test_only_rooms_that_the_user_may_read(services: Services) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    teacher = services.accounts.find("alice")
    private = services.rooms.create_titled(alice, "private", access=Access.INVITE).id
    left, gone, locked = (services.rooms.create(alice, name) for name in ("left", "gone", "open"))
    for entered in (left, gone):
        services.memberships.join(bob, entered, "")
    rooms: list[str | int] = ["public", private, left, gone, locked]
    for room in rooms:
        say(services, alice, room, f"secret in {room}")
    services.memberships.leave(bob, left)
    services.rooms.delete(alice, gone)
    assert find(services, bob, "secret") == ["secret in public"]
    assert find(services, bob, "se") == ["secret in public"]
    closed: list[str | int] = ["private", private, "left", "gone", "nowhere", 2**70]
    for room in closed:
        with pytest.raises(ChatError) as caught:
            find(services, bob, "secret", room)
        assert caught.value.code is ErrorCode.ROOM_NOT_FOUND
    assert teacher is not None
    services.teachers.appoint(None, "bob", is_teacher=True)
    appointed = Actor(**{name: getattr(bob, name) for name in bob.__slots__} | {"is_teacher": True})
    assert find(services, appointed, "secret", "open") == [f"secret in {locked}"]
    assert find(services, appointed, "secret") == ["secret in public"]


@pytest.mark.both_databases
def test_of_one_sender_and_below_an_id(services: Services) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    say(services, alice, "public", "word 1")
    (second,) = say(services, bob, "public", "word 2")
    say(services, alice, "public", "word 3")
    assert find(services, alice, "word", user="Alice") == ["word 1", "word 3"]
    page = services.search.find(alice, "word", "public", None, second, 10)
    assert [hit.message.content for hit in page.hits] == ["word 1"]
    assert page.next == 0
    with pytest.raises(ChatError) as caught:
        find(services, alice, "word", user="nobody")
    assert caught.value.code is ErrorCode.USER_NOT_FOUND


@pytest.mark.both_databases
@pytest.mark.parametrize("room", [None, "public"])
@pytest.mark.parametrize("query", ["word", "wo"])
def test_of_a_common_term_only_few_messages_are_fetched(
    services: Services, query: str, room: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FIRST", 5)
    alice = sign_up(services, "alice")
    ids = say(services, alice, "public", *(f"word {number}" for number in range(30)))
    fetched: list[int] = []
    readable = search._readable

    def recorded(connection: Any, wanted: Any, some: list[int]) -> list[tuple[int, str]]:
        fetched.extend(some)
        return readable(connection, wanted, some)

    monkeypatch.setattr(search, "_readable", recorded)
    page = services.search.find(alice, query, room, None, 0, 3)
    assert [hit.message.id for hit in page.hits] == ids[:-4:-1]
    assert page.next == ids[-3]
    assert fetched == ids[:-6:-1]


@pytest.mark.sqlite_only
def test_a_rare_word_beside_common_ones_is_what_the_index_is_asked_for(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigrams, "COMMON", 5)
    alice = sign_up(services, "alice")
    say(services, alice, "public", *(f"a message, {number}" for number in range(1000, 1030)))
    index(services, monkeypatch)
    with services.store.read() as connection:
        found = services.store.texts.candidates(connection, ["message", "1027"], 10**9, 10)
        asked = trigrams._rarest(connection, trigrams._trigrams(["message", "1027"]))
        common = trigrams._rarest(connection, trigrams._trigrams(["message", "a m"]))
    assert asked == ["027"]
    assert len(found.ids) == 1
    assert len(common) == 4
    assert find(services, alice, "message 1027") == ["a message, 1027"]


@pytest.mark.both_databases
def test_a_phrase_of_common_words_is_found_without_the_index_of_postgresql(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FIRST", 1)
    asked: list[list[str]] = []
    found = pg_trigrams._found

    def recorded(connection: Any, words: list[str], before: int, most: int) -> Any:
        asked.append(words)
        return found(connection, words, before, most)

    monkeypatch.setattr(pg_trigrams, "_found", recorded)
    alice = sign_up(services, "alice")
    say(services, alice, "public", "here two words", *["words two"] * 20)
    index(services, monkeypatch)
    assert find(services, alice, '"two words"') == ["here two words"]
    assert not asked
    assert find(services, alice, "two here") == ["here two words"]
    assert len({*map(str, asked)}) <= 1, "only the rare word"


@pytest.mark.sqlite_only
def test_candidates_are_looked_up_by_id_in_a_big_room_too(services: Services) -> None:
    alice = sign_up(services, "alice")
    with services.store.read() as connection:
        wanted = search._wanted(connection, alice, ["word"], "public", None)
        query = select(Message.id).where(Message.id.in_(range(200)), *wanted.conditions)
        sql = str(query.compile(connection.engine, compile_kwargs={"literal_binds": True}))
        plan = connection.execute(text("EXPLAIN QUERY PLAN " + sql)).all()
    assert "INTEGER PRIMARY KEY" in plan[0].detail


@pytest.mark.both_databases
def test_the_work_for_a_common_word_is_bounded(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "REACH", 10)
    monkeypatch.setattr(search, "FIRST", 5)
    monkeypatch.setattr(pg_trigrams, "WINDOW", 2)
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    say(services, bob, "public", "the word")
    room = services.rooms.create(alice, "other")
    say(services, alice, room, *(f"the word {number}" for number in range(30)))
    index(services, monkeypatch)
    page = services.search.find(bob, "word", None, None, 0, 10)
    assert not page.hits
    assert page.next
    assert find(services, bob, "word") == ["the word"]


@pytest.mark.parametrize("query", [" ", '""', '" "', "x" * 101])
def test_a_query_without_a_word_is_refused(services: Services, query: str) -> None:
    alice = sign_up(services, "alice")
    with pytest.raises(ChatError) as caught:
        find(services, alice, query)
    assert caught.value.data == {"field": "q"}


def test_places_count_code_points_and_do_not_overlap() -> None:
    assert folding.places("🎉 Banana BAN", ["ban"]) == [(2, 3), (9, 3)]
    assert folding.places("banana", ["bana", "nan"]) == [(0, 5)]
    assert folding.places("banana", ["ban", "xyz"]) == []
    assert folding.terms_of('one "Two three" ONE "" "') == ["two three", "one"]


def test_what_folds_alike_here_does_so_in_the_index() -> None:
    """Otherwise the index would miss what places would find."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE t USING fts5(x, content='', tokenize='trigram', detail='none')")
    cased = [chr(code) for code in range(0x110000) if folding.fold(chr(code)) != chr(code)]
    assert len(cased) > 600
    database.executemany("INSERT INTO t(rowid, x) VALUES (?, ?)", ((ord(char), f"{char}##") for char in cased))
    for char in cased:
        found = database.execute("SELECT rowid FROM t WHERE t MATCH ?", (f'"{folding.fold(char)}##"',)).fetchall()
        assert (ord(char),) in found, char
        assert char in folding.variants(folding.fold(char))
    database.close()


@pytest.mark.sqlite_only
def test_recent_messages_are_indexed_in_batches(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trigrams, "RECENT", 5)
    monkeypatch.setattr(trigrams, "ROWS", 2)
    alice = sign_up(services, "alice")
    state = text("SELECT indexed_to FROM message_search_state")

    def indexed() -> int:
        services.store.texts.catch_up()
        with services.store.read() as connection:
            return int(connection.execute(state).scalar_one())

    say(services, alice, "public", *("abc",) * 4)
    assert indexed() == 0
    (last,) = say(services, alice, "public", "abc")
    assert indexed() == last
    assert len(find(services, alice, "abc")) == 5
