"""`flask chat move` between SQLite and PostgreSQL, and backups of PostgreSQL."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.cli import ScriptInfo
from sqlalchemy import select

from chat.backends import copying
from chat.extensions import db
from chat.models import Actor
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import services_of, sign_up
from tests.contract.conftest import RunCommand, ran
from tests.database import execute
from tests.pictures import noise

pytestmark = pytest.mark.sqlite_only  # the test's own database: moves begin there


def furnish(services: Services) -> Actor:
    """People, friends, rooms and messages of every kind, and ids that are given back."""
    services.rooms.ensure_lobby()
    alice, bob = sign_up(services, "alice"), sign_up(services, "b\u00f6b")
    services.friends.request(alice, bob.user_id, "\u4f60\u597d")
    services.friends.accept(bob, alice.user_id, bob.user_id, "hello")
    for n in range(30):
        services.messages.send(alice, "public", Draft(text=f"{n} @b\u00f6b \U0001f600", client_message_id=f"id {n}"))
    first = services.messages.history(alice, "public", None, 50)[0]
    services.messages.send(bob, "public", Draft(text="a reply", reply_to_id=first.id))
    services.messages.send(alice, "public", Draft(image=noise(90)))
    services.changes.react(bob, "public", first.id, "\U0001f44d", is_on=True)
    upload = services.files.begin(alice, "public", "notes.bin", 600_000)
    services.files.add(upload, bytes(range(256)) * 1000)
    services.files.add(upload, b"\0" * (600_000 - 256_000))
    services.files.finish(alice, upload)
    gone = services.rooms.create(alice, "gone")
    with services.store.write() as tx:
        execute(tx, "DELETE FROM memberships WHERE room_id = ?", [gone])
        execute(tx, "DELETE FROM rooms WHERE id = ?", [gone])
    return alice


def rows_of(services: Services) -> dict[str, list[Any]]:
    """All that is stored, but events."""
    with services.store.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table)).all()))
            for table in db.metadata.sorted_tables
            if table.name != "events"
        }


def assert_has_statistics(services: Services) -> None:
    """Queries are planned well from the first one on."""
    with services.store.read() as connection:
        known = connection.exec_driver_sql("SELECT count(*) FROM pg_stats WHERE tablename = 'messages'")
        assert known.scalar_one() > 0, "ANALYZE"


def test_everything_moves_there_and_back(
    app: Flask, make_app: Callable[..., Flask], run: RunCommand, elsewhere: str, tmp_path: Path
) -> None:
    alice = furnish(services_of(app))
    was = rows_of(services_of(app))
    code, output = run("move", "--to", elsewhere)
    assert code == 0, output
    assert "SECRET_KEY" in output
    there = make_app(database_url=elsewhere)
    assert rows_of(services_of(there)) == was
    assert_has_statistics(services_of(there))
    # Ids go on where they were, the one that was given back not excepted.
    assert services_of(there).rooms.create(alice, "new") == services_of(app).rooms.create(alice, "new")
    on_both = [services_of(each).messages.send(alice, "public", Draft(text="on it goes")) for each in (there, app)]
    assert on_both[0].id == on_both[1].id
    now = rows_of(services_of(there))
    back = f"sqlite:///{tmp_path / 'back.db'}"
    code, output = run("move", "--to", back, on=there)
    assert code == 0, output
    returned = services_of(make_app(database_url=back))
    assert rows_of(returned) == now
    assert returned.messages.send(alice, "public", Draft(text="and on")).id == on_both[0].id + 1


def test_a_terminal_shows_how_far_it_is(app: Flask, elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(services_of(app))
    screen, terminal = os.openpty()
    with os.fdopen(screen, "rb", buffering=0) as shown, os.fdopen(terminal, "w") as errors:
        monkeypatch.setattr(sys, "stderr", errors)
        info = ScriptInfo(create_app=lambda: app)
        app.cli.main(["chat", "move", "--to", elsewhere], standalone_mode=False, obj=info)
        errors.flush()
        written = shown.read(65536).decode()
    steps = [int(percent) for percent in re.findall(r"Copying.* (\d+)%", written.replace("\r", "\n"))]
    assert steps == sorted(steps)
    assert len(set(steps)) > 5
    assert steps[-1] == 100


def test_a_break_leaves_the_target_empty_and_it_is_run_again(
    app: Flask,
    make_app: Callable[..., Flask],
    run: RunCommand,
    elsewhere: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    furnish(services_of(app))
    seen: list[int] = []
    added = copying._added

    def breaks(to: Any, rows: Any) -> Any:
        seen.append(len(rows))
        if len(seen) == 6:
            raise KeyboardInterrupt
        return added(to, rows)

    monkeypatch.setattr(copying, "_added", breaks)
    assert run("move", "--to", elsewhere)[0] == 1
    monkeypatch.undo()
    there = services_of(make_app(database_url=elsewhere))
    assert rows_of(there)["users"] == []
    assert run("move", "--to", elsewhere)[0] == 0
    assert rows_of(there) == rows_of(services_of(app))
    code, output = run("move", "--to", elsewhere)
    assert (code, output.splitlines()[-1]) == (1, "Error: the target is not empty: give a new database")


def test_a_copy_that_differs_is_found_and_undone(
    app: Flask, make_app: Callable[..., Flask], run: RunCommand, elsewhere: str
) -> None:
    """The target changes a row while it is stored, as faulty memory might."""
    furnish(services_of(app))
    with psycopg.connect(elsewhere, autocommit=True) as outside:
        outside.execute("CREATE FUNCTION damage() RETURNS trigger LANGUAGE plpgsql AS "
                        "$$ BEGIN IF NEW.id = 7 THEN NEW.content := 'other'; END IF; RETURN NEW; END $$")  # fmt: skip
        outside.execute("CREATE TRIGGER damage BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION damage()")
    code, output = run("move", "--to", elsewhere)
    assert code == 1
    assert "Error: messages does not match: 34 rows were copied, 34 were found" in output
    assert rows_of(services_of(make_app(database_url=elsewhere)))["users"] == []


def test_what_cannot_be_moved_is_said_in_one_line(app: Flask, run: RunCommand, elsewhere: str, tmp_path: Path) -> None:
    here = app.config["SETTINGS"].database_path
    for url, words in (
        ("mysql://host/x", "give a SQLite file by its absolute path"),
        ("postgresql://", "give the database's name"),
        (f"postgresql:///nowhere?host={tmp_path}", "--to: connection"),
        (elsewhere.replace("test_", "none_"), "does not exist"),
        (f"sqlite:///{tmp_path / 'no' / 'folder.db'}", "there is no folder"),
        (f"sqlite:///{here}", "that is the database itself"),
    ):
        code, output = run("move", "--to", url)
        assert code == 1
        (line,) = output.splitlines()
        assert line.startswith("Error: ")
        assert words in line
    with services_of(app).store.write() as tx:
        execute(tx, "UPDATE alembic_version SET version_num = '0012'")
    assert "run: flask --app wsgi db upgrade" in run("move", "--to", elsewhere)[1]


def test_a_database_in_use_is_not_moved(app: Flask, make_app: Callable[..., Flask], elsewhere: str) -> None:
    other = make_app(database_url=elsewhere)
    for used, url in ((app, elsewhere), (other, app.config["SETTINGS"].database_uri)):
        services_of(used).start()
        moving = make_app(database_url=used.config["SETTINGS"].database_url)
        code, output = ran(moving, "move", "--to", url.replace("commonroom.db", "new.db"))
        services_of(used).close()
        assert code == 1
        assert "the database is in use: stop" in output


def test_a_backup_of_postgresql_comes_back_and_keeps_what_was_there(
    make_app: Callable[..., Flask], elsewhere: str, tmp_path: Path
) -> None:
    app = make_app(database_url=elsewhere)
    services = services_of(app)
    alice = furnish(services)
    was = rows_of(services)
    services.start()  # a backup is made while it runs
    file = tmp_path / "kept.db"
    code, output = ran(app, "backup", str(file))
    assert code == 0, output
    assert ran(app, "restore", str(file)) == (1, "Error: the database is in use: stop all servers, and try again\n")
    later = services.messages.send(alice, "public", Draft(text="after the backup"))
    services.close()
    code, output = ran(app, "restore", str(file))
    assert code == 0, output
    assert rows_of(services_of(app))["messages"] == was["messages"]
    assert services_of(app).messages.send(alice, "public", Draft(text="on it goes")).id == later.id
    kept = services_of(make_app(database_url=f"sqlite:///{file}.before-restore"))
    assert kept.messages.history(alice, "public", None, 1)[0].content == "after the backup"
    assert list(tmp_path.glob(".kept*")) == []


def test_a_bad_backup_does_nothing_to_postgresql(
    make_app: Callable[..., Flask], elsewhere: str, tmp_path: Path
) -> None:
    app = make_app(database_url=elsewhere)
    furnish(services_of(app))
    was = rows_of(services_of(app))
    bad = tmp_path / "bad.db"
    for content in (b"", b"no database " * 500, None):
        bad.unlink(missing_ok=True)
        if content is not None:
            bad.write_bytes(content)
        code, output = ran(app, "restore", str(bad))
        assert (code, len(output.splitlines())) == (1, 1)
    assert ran(app, "backup", str(tmp_path))[0] == 1
    assert rows_of(services_of(app)) == was
