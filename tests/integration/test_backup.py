"""`flask chat backup` while the server runs, and `restore` after a crash."""

import os
import re
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import requests

from chat.backends.sqlite.backup import KEPT, backup, drafted, restore
from chat.ports import BackupError
from instance import check_database
from tests.raw import token_of
from tests.real_server import Server, wait_until


def texts(live: Server, token: str) -> list[str]:
    reply = requests.post(
        f"{live.url}/chat/pull?limit=500", json={"public": ""}, headers={"Authorization": token}, timeout=30
    )
    return [message["content"] for message in reply.json()["public"]]


def test_a_backup_under_load_comes_back_after_a_crash(
    server: Callable[..., Server], home: Path, tmp_path: Path
) -> None:
    live = server(CHAT_RATE_LIMITS="off")
    token = token_of(live, "alice")
    stop = threading.Event()
    acknowledged: list[str] = []

    def write() -> None:
        with requests.Session() as person:
            person.headers["Authorization"] = token
            for number in range(400):
                if stop.is_set():
                    return
                body = {"roomname": "public", "new_message": {"type": "text", "content": str(number)}}
                try:
                    if person.post(f"{live.url}/chat/send", json=body, timeout=30).status_code == 200:
                        acknowledged.append(str(number))
                except requests.RequestException:
                    return

    writer = threading.Thread(target=write)
    writer.start()
    kept = tmp_path / "kept.db"
    wait_until(lambda: len(acknowledged) > 20, "people write")
    before = len(acknowledged)
    code, output = live.told_by("chat", "backup", str(kept))
    assert code == 0, output
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert live.told_by("chat", "restore", str(kept)) == (
        1,
        "Error: the database is in use: stop the server, and try again\n",
    )
    live.kill()
    stop.set()
    writer.join()
    assert (home / "commonroom.db-wal").exists()
    code, output = live.told_by("chat", "restore", str(kept))
    assert code == 0, output
    assert not (home / "commonroom.db-wal").exists()
    assert stat.S_IMODE((home / "commonroom.db").stat().st_mode) == 0o600
    live.start()
    found = texts(live, token)
    assert found == [str(number) for number in range(len(found))]
    assert before <= len(found) <= len(acknowledged) + 1  # one may have been stored without its answer
    assert requests.post(
        f"{live.url}/chat/send",
        json={"roomname": "public", "new_message": {"type": "text", "content": "on it goes"}},
        headers={"Authorization": token},
        timeout=30,
    ).ok


def dumped(database: Path) -> list[tuple[object, ...]]:
    """The schema and all rows. Not by iterdump: the index of messages keeps no texts to read."""
    with closing(sqlite3.connect(database)) as connection:
        schema: list[tuple[object, ...]] = list(connection.execute("SELECT type, name, sql FROM sqlite_schema"))
        tables = [name for kind, name, sql in schema if kind == "table" and "VIRTUAL" not in str(sql)]
        return schema + [row for table in tables for row in connection.execute(f'SELECT * FROM "{table}"')]


@pytest.fixture
def database(tmp_path: Path, migrated: Path) -> Path:
    path = tmp_path / "live.db"
    shutil.copy(migrated, path)
    return path


def test_an_old_log_is_not_played_onto_the_backup(database: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.db"
    backup(database, kept)
    database.with_name("live.db-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(4096))
    database.write_bytes(b"damaged" * 999)
    restore(database, kept, check_database)
    assert not database.with_name("live.db-wal").exists()
    with closing(sqlite3.connect(database)) as found:
        assert found.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (tmp_path / f"live.db{KEPT}").read_bytes().startswith(b"damaged")


def copied_by_hand(database: Path, copy: Path) -> None:
    """Copy the database and its log, as they are while it is in use: a table is in the log only."""
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE in_the_log (x)")
        for suffix in ("", "-wal"):
            shutil.copy(f"{database}{suffix}", f"{copy}{suffix}")
        writer.execute("DROP TABLE in_the_log")


def copied_amid_a_change(database: Path, copy: Path) -> None:
    """Copy the database and its journal, as a process killed while it rewrites the file leaves them."""
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        for statement in ("journal_mode = DELETE", "cache_size = 1", "cache_spill = 1"):
            writer.execute(f"PRAGMA {statement}")
        writer.execute("BEGIN")
        writer.execute("CREATE TABLE never_committed (x)")
        writer.executemany("INSERT INTO never_committed VALUES (?)", [(b"x" * 3000,)] * 300)
        for suffix in ("", "-journal"):
            shutil.copy(f"{database}{suffix}", f"{copy}{suffix}")
        writer.execute("ROLLBACK")


def test_a_copy_made_by_hand_brings_its_log(database: Path, tmp_path: Path) -> None:
    copied_by_hand(database, tmp_path / "copied.db")
    restore(database, tmp_path / "copied.db", check_database)
    with closing(sqlite3.connect(database)) as found:
        found.execute("SELECT * FROM in_the_log")


def test_a_copy_made_by_hand_brings_its_journal(database: Path, tmp_path: Path) -> None:
    was = dumped(database)
    copied_amid_a_change(database, tmp_path / "copied.db")
    restore(database, tmp_path / "copied.db", check_database)
    assert dumped(database) == was


@pytest.mark.parametrize("copied", [copied_by_hand, copied_amid_a_change])
def test_a_backup_over_a_copy_made_by_hand_does_not_keep_its_log(
    database: Path, tmp_path: Path, copied: Callable[[Path, Path], None]
) -> None:
    copied(database, tmp_path / "kept.db")
    was = dumped(database)
    backup(database, tmp_path / "kept.db")
    assert [path.name for path in tmp_path.glob("kept.db*")] == ["kept.db"]
    restore(database, tmp_path / "kept.db", check_database)
    assert dumped(database) == was


def test_what_is_no_file_is_named_as_such(database: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, said in ((".", "is a folder"), ("pipe", "is a device or the like"), ("none", "there is no file")):
        with pytest.raises(BackupError, match=said):
            restore(database, tmp_path / name, check_database)


@pytest.mark.parametrize("content", [b"", b"no database " * 500, None])
def test_an_invalid_backup_changes_nothing(database: Path, tmp_path: Path, content: bytes | None) -> None:
    bad = tmp_path / "bad.db"
    if content is None:
        bad = tmp_path / "not-there.db"
    else:
        bad.write_bytes(content)
    was = dumped(database)
    with pytest.raises(BackupError):
        restore(database, bad, check_database)
    assert dumped(database) == was
    assert not list(tmp_path.glob(".*"))


def test_a_backup_replaces_files_only_and_follows_links(database: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "link").symlink_to(tmp_path / "kept.db")
    (tmp_path / "to the pipe").symlink_to(tmp_path / "pipe")
    before = sorted(tmp_path.iterdir())
    for name in ("pipe", "to the pipe", "circle", "."):
        with pytest.raises(BackupError):
            backup(database, tmp_path / name)
    assert sorted(tmp_path.iterdir()) == before
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    backup(database, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert dumped(tmp_path / "kept.db") == dumped(database)


def test_a_backup_replaces_no_file_of_another_kind(database: Path, tmp_path: Path) -> None:
    key = tmp_path / "secret_key"
    key.write_text("k" * 64)
    with pytest.raises(BackupError, match="another kind"):
        backup(database, key)
    assert key.read_text() == "k" * 64
    for name in ("empty", "empty"):  # the second time it is a backup
        (tmp_path / name).touch()
        backup(database, tmp_path / name)
    assert dumped(tmp_path / "empty") == dumped(database)


def test_a_file_that_cannot_be_written_is_named_as_it_was_given(database: Path, tmp_path: Path) -> None:
    for target, named in (
        (tmp_path / "none" / "kept.db", tmp_path / "none"),
        (tmp_path / ("x" * 254), tmp_path / ("x" * 254)),
        (Path("/proc/kept.db"), Path("/proc/kept.db")),
    ):
        with pytest.raises(BackupError, match=f"^{re.escape(str(named))}: [A-Z]"):
            backup(database, target)


def test_drafts_of_killed_processes_are_removed_and_those_in_use_kept(database: Path, tmp_path: Path) -> None:
    """Each holds everything that is stored, also what is erased from the database later."""
    abandoned = [tmp_path / f".kept.db.0123abcd{suffix}" for suffix in ("", "-wal", "-shm")]
    others = [tmp_path / name for name in (".kept.db.older", ".kept.db.0123abcde", ".own.db.0123abcd")]
    for path in (*abandoned, *others):
        path.write_bytes(b"x")
    with drafted(tmp_path / "kept.db") as in_use:
        backup(database, tmp_path / "kept.db")
        assert in_use.exists()
    assert not any(path.exists() for path in (*abandoned, in_use))
    assert all(path.exists() for path in others)


def test_a_backup_does_not_go_over_the_database_itself(database: Path, tmp_path: Path) -> None:
    for target in (database, database.with_name("live.db-wal"), tmp_path):
        with pytest.raises(BackupError):
            backup(database, target)
