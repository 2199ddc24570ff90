"""Several hosts: of the database, and of the chat."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from flask_migrate import downgrade

from chat.clock import SECOND
from chat.services import Services
from chat.services.messages import Draft
from instance import check
from setting_parsers import ConfigError
from tests.conftest import FakeClock, settings_at, sign_up
from tests.databases import direct_only, url_of
from tests.real_server import ROOT, wait_until
from tests.unit.postgresql.conftest import LOBBY, make_read_only

pytestmark = pytest.mark.postgresql_only


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
        services.housekeeper.trim_events()
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
