import resource
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import event, insert, select
from sqlalchemy.exc import IntegrityError

from chat.backends.sqlite import store
from chat.backends.sqlite.store import CHECKPOINT_COMMITS
from chat.clock import system_clock
from chat.errors import ChatError, ErrorCode
from chat.models import Event, EventKind, EventRow, RateLimit
from chat.services import Services
from chat.services.housekeeping import FREQUENT_SECONDS
from chat.services.messages import Draft
from tests.conftest import run_in_threads, services_of, sign_up
from tests.contract.clients import FlaskTransport, PollingClient
from tests.database import engine_of, store_of
from tests.real_server import wait_until


@pytest.mark.sqlite_only
def test_pragmas(services: Services) -> None:
    with services.store.read() as connection:
        found = {p: connection.exec_driver_sql(f"PRAGMA {p}").scalar() for p in ("journal_mode", "foreign_keys")}
    assert found == {"journal_mode": "wal", "foreign_keys": 1}


@pytest.mark.sqlite_only
def test_full_synchronous_when_asked_for(make_services: Callable[..., Services]) -> None:
    for name, number in (("NORMAL", 1), ("FULL", 2)):
        with make_services(sqlite_synchronous=name).store.read() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == number


def test_events_are_stored_with_the_transaction_and_published_after_it(services: Services) -> None:
    heard: list[Event] = []
    store_of(services).listeners[:] = [heard.extend]

    def fail_halfway() -> None:
        with services.store.write() as tx:
            tx.emit(Event(EventKind.ROOM, 1, 5))
            tx.execute(insert(RateLimit), [{"key": "same", "full_at": 0}, {"key": "same", "full_at": 0}])

    with pytest.raises(IntegrityError):
        fail_halfway()
    assert heard == []
    with services.store.write() as tx:
        tx.emit(Event(EventKind.ROOM, 2, 6))
        assert heard == []
    assert [(e.kind, e.subject_id) for e in heard] == [(EventKind.ROOM, 2)]
    with services.store.read() as connection:
        assert [tuple(row)[1:4] for row in connection.execute(select(EventRow))] == [("room", 2, 6)]


def test_a_fault_in_publishing_does_not_undo_the_answer(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("publishing")

    alice = sign_up(services, "alice")
    store_of(services).listeners[:] = [broken]
    assert services.messages.send(alice, "public", Draft(text="kept")).id == 1
    assert "publishing" in caplog.text


@pytest.mark.sqlite_only
def test_readers_then_writers_lose_no_update(services: Services) -> None:
    with services.store.write() as tx:
        tx.execute(insert(RateLimit).values(key="n", full_at=0))

    def add() -> None:
        for _ in range(30):
            with services.store.write() as tx:
                value = tx.execute(select(RateLimit.full_at).where(RateLimit.key == "n")).scalar_one()
                tx.execute(RateLimit.__table__.update().where(RateLimit.key == "n").values(full_at=value + 1))

    run_in_threads(*[add] * 6)
    with services.store.read() as connection:
        assert connection.execute(select(RateLimit.full_at).where(RateLimit.key == "n")).scalar_one() == 180


@pytest.mark.sqlite_only
def test_a_locked_database_is_unavailable_for_writers_only(make_services: Callable[..., Services], home: Path) -> None:
    services = make_services(system_clock, database_busy_seconds=0.2)
    services.rooms.ensure_lobby()
    alice = sign_up(services, "alice")
    other = sqlite3.connect(home / "commonroom.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ChatError) as caught:
        services.messages.send(alice, "public", Draft(text="x"))
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert caught.value.data["retry_after"]
    assert services.messages.history(alice, "public", None, 10) == []
    other.execute("ROLLBACK")
    other.close()
    services.messages.send(alice, "public", Draft(text="now"))
    assert [m.content for m in services.messages.history(alice, "public", None, 10)] == ["now"]


@pytest.mark.sqlite_only
def test_a_full_disk_is_unavailable_and_leaves_nothing_half_written(make_services: Callable[..., Services]) -> None:
    services = make_services()
    services.rooms.ensure_lobby()
    alice = sign_up(services, "alice")
    services.store.dispose()
    engine = engine_of(services)

    # SQLite's own bound: from that page on it answers as it does on a full disk.
    @event.listens_for(engine, "connect")
    def fill(connection: sqlite3.Connection, _: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 4}")

    sent = 0

    def send_until_full() -> None:
        nonlocal sent
        for sent in range(50):  # noqa: B007
            services.messages.send(alice, "public", Draft(text="x" * 4000))

    with pytest.raises(ChatError) as caught:
        send_until_full()
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert sent > 0
    assert len(services.messages.history(alice, "public", None, 500)) == sent
    with services.store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


@pytest.mark.sqlite_only
def test_commits_leave_the_log_beside_the_writers(services: Services, home: Path) -> None:
    alice = sign_up(services, "alice")
    file = home / "commonroom.db"
    services.store.checkpoint()
    before = file.read_bytes()
    for number in range(CHECKPOINT_COMMITS):
        services.messages.send(alice, "public", Draft(text=f"message {number}"))
    assert file.read_bytes() == before, "a send does not do it"
    services.store.checkpoint()
    after = file.read_bytes()
    assert b"message 19" in after
    services.messages.send(alice, "public", Draft(text="one more"))
    services.store.checkpoint()
    assert file.read_bytes() == after, "not worth it yet"


@pytest.mark.sqlite_only
def test_a_checkpoint_without_room_is_no_surprise(services: Services, home: Path) -> None:
    alice = sign_up(services, "alice")
    file = home / "commonroom.db"
    services.store.checkpoint()
    for _ in range(CHECKPOINT_COMMITS):
        services.messages.send(alice, "public", Draft(text="x" * 4000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, before[1]))
    try:
        with pytest.raises(ChatError) as caught:
            services.store.checkpoint()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert len(services.messages.history(alice, "public", None, 100)) == CHECKPOINT_COMMITS


def test_a_transaction_that_fails_leaves_the_next_a_fresh_one(services: Services) -> None:
    alice = sign_up(services, "alice")

    def fail() -> None:
        with services.store.write() as tx:
            tx.execute(insert(RateLimit).values(key="x", full_at=0))
            raise RuntimeError

    for _ in range(40):  # more than the pool has connections
        with pytest.raises(RuntimeError):
            fail()
    services.messages.send(alice, "public", Draft(text="still here"))
    with services.store.read() as connection:
        assert connection.execute(select(RateLimit.key).where(RateLimit.key == "x")).first() is None


def test_no_connection_is_held_while_pulls_wait(app: Flask) -> None:
    services = services_of(app)
    alice = PollingClient(FlaskTransport(app))
    alice.register("alice")
    pull = lambda: alice.call("POST", "/chat/pull?timeout=20", {"public": ""})  # noqa: E731
    threads = [threading.Thread(target=pull) for _ in range(50)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(services.hub.notifier) == 50, "all pulls wait")
    pool = engine_of(services).pool
    # But for the writer's, which is kept.
    wait_until(lambda: "Current Checked out connections: 1" in pool.status(), "no connection is in use")
    services.answer_held()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert len(services.hub.notifier) == 0


@pytest.mark.sqlite_only
def test_database_errors_contain_no_text_of_users(
    make_services: Callable[..., Services], home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    services = make_services(database_busy_seconds=0.1)
    services.rooms.ensure_lobby()
    alice = sign_up(services, "alice")
    with sqlite3.connect(home / "commonroom.db") as other:
        other.execute("ALTER TABLE messages RENAME COLUMN content TO nowhere")
    other.close()
    with pytest.raises(ChatError):
        services.messages.send(alice, "public", Draft(text="my private words"))
    assert "database unavailable" in caplog.text
    assert "private" not in caplog.text


def test_registration_is_all_or_nothing(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object) -> None:
        raise ChatError(ErrorCode.UNAVAILABLE, retry_after=1)

    with monkeypatch.context() as patch:
        patch.setattr(services.sessions, "open_within", unavailable)
        with pytest.raises(ChatError) as caught:
            sign_up(services, "alice")
    assert caught.value.code is ErrorCode.UNAVAILABLE
    sign_up(services, "alice")  # the name is not taken


@pytest.mark.sqlite_only
def test_many_commits_are_checkpointed_before_the_next_round(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MANY_COMMITS", 5)
    checkpointed = threading.Event()
    monkeypatch.setattr(services.store, "checkpoint", checkpointed.set)
    services.housekeeper.start()
    alice = sign_up(services, "alice")
    for _ in range(5):
        services.messages.send(alice, "public", Draft(text="x"))
    assert checkpointed.wait(FREQUENT_SECONDS / 2)
    services.housekeeper.stop()
