"""Reads and writes on servers that are away, locked, read-only, or behind a pooler."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert, select

from chat.errors import ChatError, ErrorCode
from chat.models import RateLimit
from chat.services import Services
from chat.services.messages import Draft
from tests import postgresql
from tests.conftest import run_in_threads, sign_up
from tests.databases import direct_only, url_of
from tests.real_server import wait_until
from tests.unit.postgresql.conftest import LOBBY, end_connections, make_read_only, refusal

pytestmark = pytest.mark.postgresql_only


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


def test_threads_share_the_pool(services: Services) -> None:
    """More threads than connections wait for one another."""
    alice = sign_up(services, "alice")
    barrier = threading.Barrier(24)

    def send() -> None:
        barrier.wait()
        services.messages.send(alice, "public", Draft(text="x"))

    run_in_threads(*[send] * 24)
    assert len(services.messages.history(alice, "public", None, 50)) == 24
