"""Deleted rooms and messages leave nothing, also in the file, without blocking others."""

import base64
import sqlite3
from pathlib import Path

import pytest

from chat.backends.sqlite import text_index
from chat.models import (
    Access,
    Actor,
    Announcement,
    Attachment,
    AttachmentChunk,
    Avatar,
    Friendship,
    Invitation,
    Message,
    Room,
    RoomTicket,
    VisitRow,
)
from chat.services import Services, purging
from chat.services.messages import Draft
from tests.conftest import FakeClock, sign_up, statements_of
from tests.database import count, engine_of
from tests.pictures import noise, picture
from tests.unit.bounds import befriend

SECRET = "the-word-that-nobody-is-to-find"
pytestmark = pytest.mark.usefixtures("no_pauses")


def file_of(services: Services) -> Path:
    return Path(str(engine_of(services).url.database))


def send_file(services: Services, actor: Actor, room: int, data: bytes, pieces: int = 1) -> None:
    upload = services.files.begin(actor, room, "f", len(data) * pieces)
    for _ in range(pieces):
        services.files.add(upload, data)
    services.files.finish(actor, upload)


def furnish(services: Services, actor: Actor) -> int:
    """A room with something of everything."""
    room = services.rooms.create_titled(actor, "gone", access=Access.GROUP, description=SECRET).id
    first = services.messages.send(actor, room, Draft(text=SECRET))
    services.messages.send(actor, room, Draft(text=f"re: {SECRET}", reply_to_id=first.id))
    services.messages.send(actor, room, Draft(image=noise(5000)))
    send_file(services, actor, room, SECRET.encode() * 100)
    services.announcements.post(actor, room, SECRET)
    services.tickets.issue(actor, room)
    services.groups.change(actor, room, None, base64.b64encode(picture()).decode())
    return room


def test_of_a_deleted_room_nothing_is_left(services: Services) -> None:
    alice = sign_up(services, "alice")
    kept = services.rooms.create(alice, "kept")
    services.messages.send(alice, kept, Draft(text="kept"))
    send_file(services, alice, kept, b"kept")
    gone = furnish(services, alice)
    tables = (Message, Attachment, AttachmentChunk, Announcement, RoomTicket, Room, Avatar)
    assert count(services, *tables) == [6, 3, 3, 1, 1, 3, 1]
    services.purger.purge()  # which takes nothing that is there
    assert count(services, *tables) == [6, 3, 3, 1, 1, 3, 1]
    services.rooms.delete(alice, gone)
    services.purger.purge()
    assert count(services, *tables) == [2, 1, 1, 0, 0, 2, 0]
    assert services.messages.history(alice, kept, None, 10)[0].content == "kept"


@pytest.mark.sqlite_only
def test_in_the_file_neither(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    room = services.rooms.create(alice, "kept")
    said = services.messages.send(alice, room, Draft(text=SECRET))
    services.rooms.delete(alice, furnish(services, alice))

    def is_in_the_file() -> bool:
        services.store.dispose()  # the last connection moves the log into the file
        return SECRET.encode() in file_of(services).read_bytes()

    assert is_in_the_file()
    services.purger.purge()
    services.changes.delete(alice, said.id)
    clock.advance(86401)
    services.audit.purge()
    assert not is_in_the_file()


@pytest.mark.sqlite_only
def test_while_the_server_runs_neither(services: Services, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file and its log; in the search index no trigram of it."""
    monkeypatch.setattr(text_index, "RECENT", 1)
    alice = sign_up(services, "alice")
    said = services.messages.send(alice, "public", Draft(text=f"{SECRET} qzx"))
    services.messages.send(alice, "public", Draft(text="kept"))
    services.store.texts.catch_up()
    services.messages.send(alice, "public", Draft(text="kept, too"))
    services.store.texts.catch_up()
    services.rooms.delete(alice, furnish(services, alice))
    file = file_of(services)
    log = file.with_name(f"{file.name}-wal")

    def traces() -> list[bool]:
        terms = sqlite3.connect(file)
        terms.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, message_search, instance)")
        is_indexed = bool(terms.execute("SELECT 1 FROM temp.terms WHERE term = 'qzx'").fetchall())
        blocks = b"".join(block for (block,) in terms.execute("SELECT block FROM message_search_data"))
        terms.close()
        return [SECRET.encode() in file.read_bytes() + log.read_bytes(), is_indexed, b"qzx" in blocks]

    assert traces() == [True, True, True]
    services.changes.delete(alice, said.id)
    services.purger.purge()
    clock.advance(86401)
    services.audit.purge()
    services.store.scrub()
    assert traces() == [False, False, False]
    assert [hit.message.content for hit in services.search.find(alice, "kept", None, None, 0, 9).hits] == [
        "kept, too",
        "kept",
    ]


def test_messages_go_newest_first_as_replies_refer_to_earlier_ones(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "ROWS", 2)
    monkeypatch.setattr(purging, "BATCHES", 1)
    alice = sign_up(services, "alice")
    room = services.rooms.create(alice, "gone")
    said = [services.messages.send(alice, room, Draft(text="0")).id]
    for number in range(1, 5):
        said.append(services.messages.send(alice, room, Draft(text=str(number), reply_to_id=said[-1])).id)
    services.rooms.delete(alice, room)
    left = []
    for _ in range(4):
        services.purger.purge()
        left += count(services, Message, Room)
    assert left == [3, 2, 1, 2, 0, 2, 0, 1]


def test_a_transaction_takes_few_chunks(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCHES", 1)
    alice = sign_up(services, "alice")
    room = services.rooms.create(alice, "gone")
    send_file(services, alice, room, b"x" * 1000, pieces=40)
    services.rooms.delete(alice, room)
    left = []
    for _ in range(5):
        services.purger.purge()
        left += count(services, AttachmentChunk)
    assert left == [24, 8, 0, 0, 0]
    assert count(services, Message, Attachment, Room) == [0, 0, 1]


def test_with_nothing_to_do_it_writes_nothing(services: Services) -> None:
    sign_up(services, "alice")
    with statements_of(services) as statements:
        services.purger.purge()
        services.purger.shrink()
    assert set(statements) <= {"BEGIN", "SELECT", "--", "COMMIT", "ROLLBACK"}


def test_a_room_with_a_leaving_socket_waits_without_delaying_others(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    first, second = services.rooms.create(alice, "one"), services.rooms.create(alice, "two")
    visit = services.room_presence.enter(alice, first)
    for room in (first, second):
        services.rooms.delete(alice, room)
        clock.advance(1)
    services.purger.purge()
    assert count(services, Room, VisitRow) == [2, 1]
    services.room_presence.leave(visit)
    services.purger.purge()
    assert count(services, Room) == [1]


def test_direct_conversations_and_invitations_are_no_obstacle(services: Services) -> None:
    alice, bob, carol = (sign_up(services, name) for name in ("alice", "bob", "carol"))
    befriend(services, alice, bob)
    befriend(services, bob, carol)
    services.groups.create(alice, "group", [bob.user_id])
    group = services.rooms.joined(alice)[-1].id
    services.invitations.invite(bob, group, [carol.user_id])
    services.memberships.leave(alice, group, dissolves=True)
    services.purger.purge()
    assert count(services, Invitation, Friendship, Room) == [0, 2, 3]
    assert [message.content for message in services.messages.history(alice, 2, None, 10)] == ["hello"]


@pytest.mark.sqlite_only
def test_the_file_shrinks(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "SPARE_PAGES", 20)
    alice = sign_up(services, "alice")
    room = services.rooms.create(alice, "gone")
    send_file(services, alice, room, b"x" * 100_000, pieces=50)
    services.store.dispose()
    grown = file_of(services).stat().st_size
    assert grown > 5_000_000
    services.rooms.delete(alice, room)
    services.purger.purge()
    services.purger.shrink()
    services.store.dispose()
    assert file_of(services).stat().st_size < grown - 4_500_000
    services.messages.send(alice, "public", Draft(text="and all is well"))
    with services.store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


@pytest.mark.sqlite_only
def test_an_old_database_uses_its_free_pages_again(services: Services) -> None:
    services.store.dispose()
    with engine_of(services).connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA journal_mode=DELETE")
        raw.execute("PRAGMA auto_vacuum=NONE")
        raw.execute("VACUUM")
        raw.execute("PRAGMA journal_mode=WAL")
    services.store.dispose()
    alice = sign_up(services, "alice")
    sizes = []
    for _ in range(3):
        room = services.rooms.create(alice, "gone")
        send_file(services, alice, room, b"x" * 100_000, pieces=20)
        services.rooms.delete(alice, room)
        services.purger.purge()
        services.purger.shrink()
        services.store.dispose()
        sizes.append(file_of(services).stat().st_size)
    assert sizes[2] == sizes[0]


@pytest.mark.sqlite_only
def test_a_row_of_a_room_that_was_deleted_long_ago_is_found_by_index(services: Services) -> None:
    with services.store.read() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT id FROM rooms WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1"
        ).all()
    assert "ix_rooms_deleted" in str(plan)
