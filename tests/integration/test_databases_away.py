"""A database that cannot be used: the start and each command say why in one line, and name the server."""

import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from instance import check
from setting_parsers import ConfigError
from tests import launch, postgresql
from tests.clusters import DATABASE, Cluster, clusters
from tests.conftest import settings_at
from tests.databases import SECRET
from tests.integration.test_starting import GUNICORN, ran
from tests.real_server import free_port

pytestmark = pytest.mark.sqlite_only  # each brings its own
_RIGHTS = f"""
local all all trust
host all locked 127.0.0.1/32 scram-sha-256
hostssl all encrypted 127.0.0.1/32 trust
host {DATABASE} guest,reader 127.0.0.1/32 trust
host all postgres 127.0.0.1/32 trust
"""
_MAKE = """
CREATE ROLE locked LOGIN PASSWORD 'right-1';
CREATE ROLE encrypted LOGIN;
CREATE ROLE guest LOGIN;
CREATE ROLE reader LOGIN;
ALTER ROLE reader SET default_transaction_read_only = on;
GRANT ALL ON SCHEMA public TO reader
"""
UPGRADE = ("db", "upgrade")
COMMANDS = [
    UPGRADE,
    ("chat", "people"),
    ("chat", "backup", "{home}/new.db"),
    ("chat", "restore", "{home}/commonroom.db"),
    ("chat", "move", "--to", "sqlite:///{home}/new.db"),
]


@pytest.fixture(scope="module")
def guarded() -> Iterator[Cluster]:
    """A server with a password for one user, and TLS, which it does not have, demanded of another."""
    if postgresql.programs() is None:
        pytest.skip("PostgreSQL's programs are not here")
    with clusters(1) as [cluster]:
        cluster.initialise()
        cluster.allow(_RIGHTS)
        cluster.start()
        cluster.query(f"CREATE DATABASE {DATABASE}")
        cluster.query(_MAKE, DATABASE)
        yield cluster


@pytest.fixture(scope="module")
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing, as a paused server's."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


FAULTS = [
    ("{user}@no-such-host.invalid/chat", "no-such-host.invalid"),
    ("{user}@127.0.0.1:1/chat", '"127.0.0.1", port 1 failed: Connection refused'),
    ("{user}@localhost:1/chat", '"127.0.0.1", port 1 failed: Connection refused'),
    ("{user}@127.0.0.1:{silent}/chat", "no answer from 127.0.0.1, port {silent}: connection timeout expired"),
    ("{user}@127.0.0.1:{silent},127.0.0.1:1/chat", "port 1 failed: Connection refused"),
    ("locked:pass-1@127.0.0.1:{port}/commonroom", "port {port} failed: FATAL: password authentication failed"),
    ("locked@127.0.0.1:{port}/commonroom", "port {port} failed: fe_sendauth: no password supplied"),
    ("nobody:pass-1@127.0.0.1:{port}/commonroom", 'for host "127.0.0.1", user "nobody"'),
    ("postgres:pass-1@127.0.0.1:{port}/nowhere", 'database "nowhere" does not exist'),
    ("encrypted:pass-1@127.0.0.1:{port}/commonroom", 'user "encrypted", database "commonroom", no encryption'),
    ("postgres:pass-1@127.0.0.1:{port}/commonroom?sslmode=require", "server does not support SSL, but SSL was"),
]


def filled(text: str, guarded: Cluster, silent: int) -> str:
    return text.format(user="u:pass-1", port=guarded.port, silent=silent)


@pytest.mark.parametrize(("place", "said"), [FAULTS[0], FAULTS[3], FAULTS[5]])  # all take the same way
def test_each_command_tells_which_server_it_cannot_use(
    home: Path, guarded: Cluster, silent: int, place: str, said: str
) -> None:
    url = f"postgresql://{filled(place, guarded, silent)}"
    for number, command in enumerate([*COMMANDS, ("chat", "move", "--to", url)]):
        environ = {"PATH": os.environ["PATH"], "CHAT_INSTANCE_PATH": str(home), "SECRET_KEY": SECRET}
        is_target = url in command
        if not is_target:
            environ["DATABASE_URL"] = url
        log = home / f"output {number}"
        code = launch.flask([word.format(home=home) for word in command], environ, log)
        output = log.read_text()
        assert code not in {0, -9}, output
        assert ("--to: " if is_target else "DATABASE_URL: ") in output
        assert output.count(filled(said, guarded, silent)) == 1, output
        assert "pass-1" not in output
        assert len(output.splitlines()) == 1, output
    assert not (home / "new.db").exists()
    assert list(home.glob(".*")) == [], "drafts"


@pytest.mark.parametrize(("place", "said"), FAULTS)
def test_a_start_tells_which_server_it_cannot_use(
    home: Path, guarded: Cluster, silent: int, place: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=r"^DATABASE_URL: ") as caught:
        check(settings_at(home, database_url=f"postgresql://{filled(place, guarded, silent)}"))
    assert str(caught.value).count(filled(said, guarded, silent)) == 1, caught.value
    assert "pass-1" not in str(caught.value)


def test_gunicorn_ends_in_one_line(home: Path, silent: int) -> None:
    environ = {"CHAT_INSTANCE_PATH": str(home), "SECRET_KEY": SECRET, "PORT": str(free_port())}
    environ["DATABASE_URL"] = f"postgresql://u:pass-1@127.0.0.1:{silent}/chat"
    code, output = ran(home / "output", GUNICORN, **environ)
    assert code
    told = f"no answer from 127.0.0.1, port {silent}: connection timeout expired"
    assert output == f"Commonroom cannot start. DATABASE_URL: {told}\n"


@pytest.mark.parametrize(
    ("user", "said"), [("guest", "permission denied for schema public"), ("reader", "in a read-only transaction")]
)
@pytest.mark.parametrize("is_target", [False, True])
def test_a_database_that_takes_no_tables(home: Path, guarded: Cluster, user: str, said: str, is_target: bool) -> None:
    url = f"postgresql://{user}:pass-1@127.0.0.1:{guarded.port}/{DATABASE}"
    environ = {"PATH": os.environ["PATH"], "CHAT_INSTANCE_PATH": str(home), "SECRET_KEY": SECRET}
    command = ("chat", "move", "--to", url) if is_target else UPGRADE
    log = home / "output"
    code = launch.flask(command, environ if is_target else {**environ, "DATABASE_URL": url}, log)
    output = log.read_text()
    assert code == 1, output
    assert ("--to: " if is_target else "DATABASE_URL: ") in output
    assert said in output
    assert len(output.splitlines()) == 1, output


def test_an_upgrade_of_an_sqlite_file_that_is_in_use_is_one_line(home: Path) -> None:
    file = home / "commonroom.db"
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("UPDATE alembic_version SET version_num = '0026'")
        other.execute("BEGIN IMMEDIATE")
        log = home / "output"
        environ = {"PATH": os.environ["PATH"], "CHAT_INSTANCE_PATH": str(home), "CHAT_DATABASE_BUSY_SECONDS": "0.05"}
        code = launch.flask(UPGRADE, environ, log)
    other.close()
    assert (code, log.read_text()) == (1, f"ERROR [flask_migrate] Error: {file}: database is locked\n")
