"""PostgreSQL as a back end: unavailable servers, locks, schemas, and the bus between processes."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import insert, select

from chat.backends.postgresql import bus as bus_module
from chat.backends.postgresql.bus import PostgresBus
from chat.backends.postgresql.snapshot import Snapshot
from chat.clock import SECOND
from chat.delivery import Waiter
from chat.errors import ChatError, ErrorCode
from chat.extensions import db
from chat.models import Event, EventKind, RateLimit
from chat.services import Services
from chat.services.messages import Draft
from instance import check
from setting_parsers import ConfigError
from tests import postgresql
from tests.conftest import FakeClock, run_in_threads, services_of, settings_at, sign_up
from tests.database import bus_of, engine_of, execute, store_of, tracing
from tests.databases import direct_only, url_of
from tests.real_server import ROOT, wait_until
from tests.sizes import size

pytestmark = pytest.mark.postgresql_only
LOBBY = 1


@pytest.fixture
def outside(home: Path) -> Iterator[psycopg.Connection]:
    """A connection of somebody else's, which goes through no pooler."""
    with psycopg.connect(url_of(home), port=5432, autocommit=True) as connection:
        yield connection


def end_connections(outside: psycopg.Connection) -> None:
    """As a restart of the server does."""
    mine = "pid <> pg_backend_pid() AND datname = current_database()"
    outside.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {mine}")


def make_read_only(outside: psycopg.Connection) -> None:
    outside.execute("DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',"
                    " current_database()); END$$")  # fmt: skip


def refusal(job: Callable[[], object]) -> ErrorCode:
    with pytest.raises(ChatError) as caught:
        job()
    return caught.value.code


@direct_only
def test_lost_connections_cost_one_failure_and_then_new_ones_are_made(
    services: Services, outside: psycopg.Connection
) -> None:
    alice = sign_up(services, "alice")
    run_in_threads(*[lambda: services.messages.send(alice, "public", Draft(text="x"))] * 4)  # several connections
    end_connections(outside)
    assert refusal(lambda: services.messages.send(alice, "public", Draft(text="lost"))) is ErrorCode.UNAVAILABLE
    for _ in range(8):
        services.messages.send(alice, "public", Draft(text="x"))
    assert len(services.messages.history(alice, "public", None, 50)) == 12


def test_a_server_that_is_away_is_unavailable(make_services: Callable[..., Services], home: Path) -> None:
    nowhere = make_services(database_url=url_of(home).replace(os.environ[postgresql.FOLDER], str(home)))
    began = time.monotonic()
    assert refusal(nowhere.user_directory.count) is ErrorCode.UNAVAILABLE
    assert time.monotonic() - began < 10


@direct_only
def test_of_several_hosts_the_one_that_takes_writes_is_used(
    make_services: Callable[..., Services], outside: psycopg.Connection, home: Path
) -> None:
    several = url_of(home).replace("host=", f"host={home},") + "&target_session_attrs=read-write"
    services = make_services(database_url=several)
    services.rooms.ensure_lobby()
    services.messages.send(sign_up(services, "alice"), "public", Draft(text="x"))
    check(settings_at(home, database_url=several))
    make_read_only(outside)
    with pytest.raises(ConfigError, match="session is read-only") as caught:
        check(settings_at(home, database_url=several))
    assert "\n" not in str(caught.value)


def test_a_locked_room_is_unavailable_after_a_while_and_others_go_on(
    make_services: Callable[..., Services], outside: psycopg.Connection
) -> None:
    services = make_services(database_busy_seconds=0.3)
    services.rooms.ensure_lobby()
    alice = sign_up(services, "alice")
    services.rooms.create(alice, "another")
    with outside.transaction():
        outside.execute("SELECT 1 FROM rooms WHERE id = 1 FOR UPDATE")
        assert refusal(lambda: services.messages.send(alice, "public", Draft(text="x"))) is ErrorCode.UNAVAILABLE
        services.messages.send(alice, "another", Draft(text="x"))
        assert services.messages.history(alice, "public", None, 10) == []
    services.messages.send(alice, "public", Draft(text="x"))


def test_a_server_that_has_become_read_only_is_unavailable_for_writers(
    services: Services, outside: psycopg.Connection
) -> None:
    """A former primary, after a fail-over."""
    alice = sign_up(services, "alice")
    make_read_only(outside)
    services.store.dispose()
    assert refusal(lambda: services.messages.send(alice, "public", Draft(text="x"))) is ErrorCode.UNAVAILABLE
    assert services.messages.history(alice, "public", None, 10) == []


def test_reads_see_one_snapshot_and_cannot_write(services: Services) -> None:
    with services.store.read() as connection:
        assert connection.execute(select(RateLimit.key)).all() == []
        with services.store.write() as tx:
            tx.execute(insert(RateLimit).values(key="x", full_at=0))
        assert connection.execute(select(RateLimit.key)).all() == []
        with pytest.raises(ChatError), services.store.read() as another:
            another.execute(insert(RateLimit).values(key="y", full_at=0))


def test_errors_do_not_tell_what_people_wrote(
    services: Services, outside: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    alice = sign_up(services, "alice")
    outside.execute("ALTER TABLE messages RENAME COLUMN content TO nowhere")
    assert refusal(lambda: services.messages.send(alice, "public", Draft(text="private"))) is ErrorCode.UNAVAILABLE
    assert "database unavailable" in caplog.text
    assert "private" not in caplog.text


def test_the_name_of_the_database_does_not_tell_its_password(services: Services) -> None:
    assert "secret" not in services.backend.name


# Schemas


@pytest.mark.filterwarnings("ignore:Did not recognize type .xid8")
def test_models_and_migrations_agree(make_app: Callable[..., Flask]) -> None:
    only_here = {"xid", "ix_events_xid_id", "uq_messages_room_id_sender_id_client_message_id"}
    only_here |= {"ix_messages_content_trigrams"}
    with make_app().app_context(), db.engine.connect() as connection:
        options = {"compare_server_default": True, "include_object": lambda _o, name, *_: name not in only_here}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, db.metadata) == []


def test_down_to_nothing_and_up_again(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    with app.app_context():
        downgrade(revision="base")
        upgrade()
    services_of(app).rooms.ensure_lobby()
    with services_of(app).store.read() as connection:
        assert connection.exec_driver_sql("SELECT id, name FROM rooms").all() == [(1, "public")]


@pytest.fixture
def pooled(home: Path, tmp_path: Path) -> Iterator[str]:
    """The database's URL through pgbouncer, which gives each transaction any of its connections."""
    if not postgresql.pooler_program():
        pytest.skip("pgbouncer is not here")
    folder = Path(os.environ[postgresql.FOLDER])
    process = postgresql.start_pooler(folder, "transaction", subprocess.DEVNULL)
    wait_until((folder / ".s.PGSQL.6432").exists, "pgbouncer listens")
    yield f"{url_of(home)}&port=6432"
    process.kill()
    process.wait()


def test_a_pooler_that_loses_prepared_statements_fails_no_request(
    services: Services, make_services: Callable[..., Services], pooled: str
) -> None:
    alice = sign_up(services, "alice")
    pooling = make_services(database_url=pooled, rate_limits=False)

    def send(number: int) -> None:
        for _ in range(20):
            pooling.messages.send(alice, LOBBY, Draft(text=str(number)))

    run_in_threads(*(lambda n=n: send(n) for n in range(4)))
    assert len(services.messages.history(alice, LOBBY, None, 500)) == 80


def test_schemas_that_do_not_fit_are_refused_in_one_line(home: Path, outside: psycopg.Connection) -> None:
    settings = settings_at(home)
    check(settings)
    for version, upgrades, words in (("0012", False, "flask --app wsgi db upgrade"), ("9999", True, "a newer version")):
        outside.execute("UPDATE alembic_version SET version_num = %s", (version,))
        with pytest.raises(ConfigError, match=words) as caught:
            check(settings, upgrades=upgrades)
        assert "\n" not in str(caught.value)
    outside.execute("UPDATE alembic_version SET version_num = '0012'")
    check(settings, upgrades=True)


@pytest.mark.parametrize(("apart", "said"), [(30, "30 s ahead of"), (-30, "30 s behind"), (2, "")])
def test_a_clock_that_differs_from_the_databases_is_told(
    home: Path, outside: psycopg.Connection, caplog: pytest.LogCaptureFixture, apart: int, said: str
) -> None:
    check(settings_at(home), clock=lambda: time.time() + apart)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == bool(said)
    assert all(said in line and "NTP" in line and "\n" not in line for line in told)


def test_hosts_whose_clocks_differ_lose_nothing(make_services: Callable[..., Services], clock: FakeClock) -> None:
    """One is 30 s ahead: messages keep their order, each comes once, and everybody stays logged in."""
    here, there = make_services(clock), make_services(FakeClock(clock() + 30 * SECOND))
    here.rooms.ensure_lobby()
    alice, bob = sign_up(here, "alice"), sign_up(there, "bob")
    for number in range(10):
        services, sender = (here, alice) if number % 2 else (there, bob)
        services.messages.send(sender, LOBBY, Draft(str(number)))
    for services, reader in ((here, alice), (there, bob)):
        found = services.messages.history(reader, LOBBY, None, 100)
        assert [message.content for message in found] == [str(number) for number in range(10)]
        assert len({message.time for message in found}) == 10
        assert services.sessions.resolve(reader.session_id, reader.user_id) is not None
        services._housekeeper.trim_events()
    clock.advance(31)
    here.messages.send(alice, LOBBY, Draft("later"))
    assert [message.content for message in there.messages.history(bob, LOBBY, None, 1)] == ["later"]


def test_hosts_that_upgrade_at_the_same_moment_wait_for_each_other(
    make_app: Callable[..., Flask], outside: psycopg.Connection
) -> None:
    app = make_app()
    with app.app_context():
        downgrade(revision="0012")
    settings = app.config["SETTINGS"]
    environment = {**os.environ, "DATABASE_URL": settings.database_url, "SECRET_KEY": settings.secret_key}
    environment["CHAT_INSTANCE_PATH"] = str(settings.instance_path)
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    outside.execute("SELECT pg_advisory_lock(%s)", (0x436F6D6D6F6E,))  # another host, as migrations/env.py does
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as upgrading:
        wait_until(lambda: outside.execute(waiting).fetchone() == (1,), "it waits")
        outside.execute("SELECT pg_advisory_unlock_all()")
        assert upgrading.wait(60) == 0
    check(settings)


def test_the_sequence_of_events_survives_a_fail_over(outside: psycopg.Connection) -> None:
    """On a promoted standby an unlogged one is broken, and every send fails."""
    kinds = "SELECT relname, relpersistence::text FROM pg_class WHERE relname IN ('events', 'events_id_seq')"
    assert dict(outside.execute(kinds).fetchall()) == {"events": "u", "events_id_seq": "p"}


# The bus


def test_a_snapshot_tells_committed_transactions() -> None:
    snapshot = Snapshot.parse("10:14:11,13")
    shown = [xid for xid in range(8, 16) if snapshot.shows(Event(EventKind.ROOM, 1, id=xid))]
    assert shown == [8, 9, 10, 12]
    assert Snapshot.parse("3:3:") == (3, 3, frozenset())


class Heard:
    """A listener that writes down what the bus brings."""

    def __init__(self) -> None:
        self.heard_at = 0.0
        self.times: list[int] = []
        self.came_at: dict[int, float] = {}  # by time
        self.resyncs = self.cuts = 0
        self.is_lost = False

    def heard(self, at: float) -> None:
        self.heard_at = at

    def lost(self) -> None:
        self.is_lost = True

    def publish(self, events: object) -> None:
        pass

    def signal(self, events: list[Event]) -> None:
        new = [event.time for event in events if event.kind is EventKind.ENTERED]
        self.times += new
        self.came_at |= dict.fromkeys(new, time.monotonic())

    def resync(self) -> None:
        self.resyncs += 1

    def cut_off(self) -> None:
        self.cuts += 1


@pytest.fixture
def listening(services: Services, home: Path) -> Iterator[tuple[PostgresBus, Heard]]:
    heard = Heard()
    store = store_of(services)
    bus = PostgresBus(store, heard, url_of(home))  # type: ignore[arg-type]
    bus.start()
    began = heard.heard_at
    wait_until(lambda: heard.heard_at > began, "the bus is connected")
    yield bus, heard
    bus.stop()


@pytest.mark.acceptance(4)
def test_each_event_comes_once_whatever_else_is_open(
    services: Services, listening: tuple[PostgresBus, Heard], figure: Callable[[str], None]
) -> None:
    """Writers that hold their transactions, roll back one in ten, and commit in another order than they began in."""
    writers, events = 6, size(40, 1667)
    committed: dict[int, float] = {}

    def write(number: int) -> None:
        chance = random.Random(number)
        for n in range(events):
            at = number * events + n
            try:
                with services.store.write() as tx:
                    tx.emit(Event(EventKind.ENTERED, LOBBY, at))
                    execute(tx, "SELECT pg_current_xact_id()")
                    time.sleep(chance.random() * 0.004)
                    if chance.random() < 0.1:
                        raise LookupError
            except LookupError:
                continue
            committed[at] = time.monotonic()

    with psycopg.connect(**{**postgresql.admin(), "autocommit": False}) as elsewhere:  # in another database
        elsewhere.execute("SELECT pg_current_xact_id()")  # holds the server's horizon
        ending = threading.Timer(5, elsewhere.rollback)
        ending.start()
        run_in_threads(*[lambda n=n: write(n) for n in range(writers)], timeout=300)
        heard = listening[1]
        wait_until(lambda: len(heard.times) >= len(committed), "all events have come")
        ending.cancel()
        ending.join()
    late = sorted(max(0.0, heard.came_at[at] - done) for at, done in committed.items())
    doubled = len(heard.times) - len(set(heard.times))
    p50, p99 = (1000 * late[int(len(late) * part)] for part in (0.5, 0.99))
    figure(f"{len(committed)} events: {len(set(committed) - set(heard.times))} missed, {doubled} doubled,"
           f" p50 {p50:.1f} ms, p99 {p99:.1f} ms")  # fmt: skip
    assert sorted(heard.times) == sorted(committed)


def test_events_come_without_notifications_too(
    services: Services, listening: tuple[PostgresBus, Heard], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As through a pooler, where LISTEN does nothing."""
    bus, heard = listening
    monkeypatch.setattr(bus_module, "DEAF_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(bus, "_hear", lambda _notification: None)
    bus._unheard_since = time.monotonic() - 1
    bus._ring()
    for n in range(3):
        with services.store.write() as tx:
            tx.emit(Event(EventKind.ENTERED, LOBBY, n))
        began = time.monotonic()
        wait_until(lambda n=n: n in heard.times, "it is found by looking", timeout=2)  # type: ignore[misc]
        assert time.monotonic() - began < bus_module.LOOK_ANYWAY_SECONDS * 0.8


@direct_only
def test_after_a_lost_connection_everybody_looks_again(
    services: Services, outside: psycopg.Connection, listening: tuple[PostgresBus, Heard]
) -> None:
    end_connections(outside)
    heard = listening[1]
    wait_until(lambda: heard.resyncs, "everybody looks again")
    services.store.dispose()
    with services.store.write() as tx:
        tx.emit(Event(EventKind.ENTERED, LOBBY, 7))
    wait_until(lambda: heard.times == [7], "and events come again")


@direct_only
def test_ids_of_events_that_come_again_after_a_crash_are_not_taken_for_own_ones(
    make_services: Callable[..., Services], outside: psycopg.Connection
) -> None:
    """As after a fail-over, or a restore of the server: ids start again at 1."""
    one, other = make_services(), make_services()
    one.rooms.ensure_lobby()
    alice, bob = sign_up(one, "alice"), sign_up(other, "bob")
    one.start()
    reader, _ = one.pulls.since(bob, {"public": 0}, 10)
    woken = threading.Event()
    reader.wake = woken.set
    reader.start(10)
    for _ in range(5):
        one.messages.send(alice, "public", Draft(text="before"))
    outside.execute("TRUNCATE events RESTART IDENTITY")
    other.store.dispose()
    end_connections(outside)
    wait_until(lambda: one.hub.holds_on, "the bus has noticed")
    wait_until(lambda: not one.hub.holds_on, "the bus is back")
    for n in range(3):
        reader.find_again()
        woken.clear()
        other.messages.send(bob, "public", Draft(text=f"after {n}"))
        assert woken.wait(10), n


@pytest.mark.acceptance(10)
def test_no_transaction_that_writes_notifies(services: Services) -> None:
    """NOTIFY makes all commits of the server wait for each other: it is sent outside, over the bus's connection."""
    alice = sign_up(services, "alice")
    services.store.dispose()
    run: list[str] = []
    with tracing(engine_of(services), run.append):
        services.start()
        for n in range(20):
            services.messages.send(alice, "public", Draft(text=str(n)))
        services.close()
    services.store.dispose()
    assert sum("INSERT INTO messages" in statement for statement in run) == 20
    assert not [statement for statement in run if "notify" in statement.lower()]


def test_many_commits_are_few_notifications(services: Services, outside: psycopg.Connection) -> None:
    alice = sign_up(services, "alice")
    services.start()
    try:
        outside.execute("LISTEN commonroom")
        began = time.monotonic()
        for n in range(50):
            services.messages.send(alice, "public", Draft(text=str(n)))
        most = (time.monotonic() - began) / bus_module.SPACING_SECONDS + 2
        outside.execute("SELECT pg_notify('commonroom', 'end')")
        heard = 0
        for notification in outside.notifies(timeout=5):
            if notification.payload == "end":
                break
            heard += 1
        assert 0 < heard <= most
    finally:
        services.close()


def test_a_member_who_was_put_out_elsewhere_is_asked_for_rights_before_what_came_after(
    services: Services, other: Services
) -> None:
    olga, mia = sign_up(services, "olga"), sign_up(services, "mia")
    room = services.rooms.create(olga, "club", members=["mia"])
    bus = bus_of(other)
    bus.read_events()
    reader, _ = other.pulls.since(mia, {"club": 0}, 10)
    waiter = Waiter(reader.position.keys(mia), lambda: None)
    other.hub.notifier.register(waiter, most=10)
    services.groups.remove(olga, room, mia.user_id)
    services.messages.send(olga, room, Draft(text="behind her back"))
    seen: list[bool] = []
    waiter.wake = lambda: seen.append(waiter.recheck)
    bus.read_events()
    assert seen
    assert all(seen)


def test_threads_share_the_pool(services: Services) -> None:
    """More threads than connections wait for one another."""
    alice = sign_up(services, "alice")
    barrier = threading.Barrier(24)

    def send() -> None:
        barrier.wait()
        services.messages.send(alice, "public", Draft(text="x"))

    run_in_threads(*[send] * 24)
    assert len(services.messages.history(alice, "public", None, 50)) == 24
