"""SQLite files of old versions are rewritten so that they shrink, by a command or, if they are small, at the start."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import upgrade

from chat.backends.sqlite import compacting
from chat.backends.sqlite.engine import INCREMENTAL
from chat.ports import BackupError
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import services_of, sign_up
from tests.unit.test_purging import file_of, send_file

pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def old(home: Path) -> Path:
    """A file as version 0.1 made them, with many free pages."""
    file = home / "commonroom.db"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in (
            *("PRAGMA journal_mode=DELETE", "PRAGMA auto_vacuum=NONE", "VACUUM", "PRAGMA journal_mode=WAL"),
            "CREATE TABLE much (data)",
            "INSERT INTO much VALUES (zeroblob(5000000))",
            "DROP TABLE much",
        ):
            connection.execute(statement)
    return file


def mode(file: Path) -> int:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("PRAGMA auto_vacuum").fetchone()[0])


def test_the_command_gives_the_space_back(old: Path, app: Flask, services: Services) -> None:
    alice = sign_up(services, "alice")
    services.messages.send(alice, "public", Draft(text="kept"))
    services.store.dispose()
    services_of(app).store.dispose()
    done = app.test_cli_runner().invoke(args=["chat", "compact"])
    assert (done.exit_code, mode(old)) == (0, INCREMENTAL), done.output
    assert old.stat().st_size < 2_000_000
    assert services.messages.history(alice, "public", None, 1)[0].content == "kept"
    with services.store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_then_it_shrinks_by_itself(old: Path, services: Services) -> None:
    services.backend.compact()
    alice = sign_up(services, "alice")
    room = services.rooms.create(alice, "gone")
    send_file(services, alice, room, b"x" * 100_000, pieces=50)
    services.rooms.delete(alice, room)
    services.purger.purge()
    services.purger.shrink()
    services.store.dispose()
    assert file_of(services).stat().st_size < 4_200_000 + old.stat().st_size // 10


def test_a_small_one_is_rewritten_at_the_upgrade(old: Path, app: Flask) -> None:
    with app.app_context():
        upgrade()
    assert mode(old) == INCREMENTAL


def test_a_large_one_is_not(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "SMALL_BYTES", 4_000_000)
    assert not compacting.make_shrinkable(old)
    assert mode(old) == 0


def test_a_new_one_is_left_alone(home: Path) -> None:
    file = home / "commonroom.db"
    before = file.stat().st_mtime_ns
    assert not compacting.make_shrinkable(file)
    assert file.stat().st_mtime_ns == before


def test_one_in_use_stays_as_it_is(old: Path) -> None:
    with contextlib.closing(sqlite3.connect(old, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM users").fetchone()
        with pytest.raises(BackupError, match="in use"):
            compacting.compact(old)
        assert not compacting.make_shrinkable(old)
    assert mode(old) == 0


def test_without_space_on_the_disk_it_says_how_much_it_needs(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(BackupError, match=r"needs 1[0-9] MiB"):
        compacting.compact(old)
    assert mode(old) == 0
