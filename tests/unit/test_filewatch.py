"""Waiting for the doorbell of other processes on one SQLite file."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.backends.sqlite.doorbell import Neighbours, bell, ring
from chat.backends.sqlite.filewatch import FileWatch, Tick, watch


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def files(database: Path) -> Iterator[FileWatch]:
    made = watch(database)
    assert isinstance(made, FileWatch)
    made.wait(0)  # its own coming
    yield made
    made.close()


def is_shared(files: FileWatch) -> bool:
    assert files.attend()
    return files.is_shared


def test_it_hears_the_doorbell(files: FileWatch, database: Path) -> None:
    assert not files.wait(0.05)
    ringing = threading.Timer(0.1, ring, [database])
    ringing.start()
    assert files.wait(10)
    ringing.join()
    assert not files.wait(0.05)  # heard once


def test_many_rings_are_heard_at_once(files: FileWatch, database: Path) -> None:
    for _ in range(10_000):
        ring(database)
    while files.wait(0.05):
        pass


def test_writes_to_the_database_are_not_heard(files: FileWatch, database: Path) -> None:
    database.write_bytes(b"x")
    assert not files.wait(0.05)


def test_it_can_be_woken(files: FileWatch) -> None:
    waker = threading.Timer(0.1, files.wake)
    waker.start()
    began = time.monotonic()
    assert files.wait(10)
    assert time.monotonic() - began < 5
    waker.join()


def test_a_process_knows_whether_others_share_the_database(files: FileWatch, database: Path) -> None:
    assert not is_shared(files)
    with contextlib.closing(watch(database)) as other:
        assert isinstance(other, FileWatch)
        other.wait(0)  # its own coming
        assert files.wait(5), "that another came"
        assert is_shared(files)
        assert other.wait(5), "it is told of what was committed since it began"
    assert not is_shared(files), "the other has gone"


def test_ringing_without_neighbours_leaves_nothing(database: Path) -> None:
    ring(database)
    assert not bell(database).exists()


def test_a_process_that_was_killed_is_no_neighbour(database: Path) -> None:
    code = "import sys, pathlib; from chat.backends.sqlite.doorbell import Neighbours"
    code += "; here = Neighbours(pathlib.Path(sys.argv[1])); print('here', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(database)]
    with contextlib.closing(Neighbours(database)) as mine:
        assert not mine.any()
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"here\n"
            assert mine.any()
            other.kill()
        assert not mine.any()


@pytest.mark.parametrize("lacking", ["a folder", "locks"])
def test_without_inotify_it_ticks(lacking: str, monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    if lacking == "a folder":
        database = database.parent / "there is no such folder" / "chat.db"
    else:
        monkeypatch.delattr("fcntl.F_OFD_SETLK")
    tick = watch(database)
    assert isinstance(tick, Tick)
    began = time.monotonic()
    assert tick.wait(10)
    assert time.monotonic() - began < 5
    tick.close()


def test_a_watch_that_is_not_to_be_had_is_tried_again(
    files: FileWatch, monkeypatch: pytest.MonkeyPatch, database: Path
) -> None:
    def none_left(*_: object) -> int:
        raise OSError("no space left on device")

    files.attend()
    bell(database).unlink()
    with monkeypatch.context() as patch:
        patch.setattr(FileWatch, "_watch", none_left)
        assert not files.attend()
        assert files.is_shared, "nobody knows, so it rings"
    assert not is_shared(files)


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_lost_bell_is_made_again(files: FileWatch, database: Path, how: str) -> None:
    files.attend()
    bell(database).unlink()
    if how == "replaced":
        bell(database).touch()
    with contextlib.closing(Neighbours(database)) as other:
        assert not other.any()
        assert files.attend()
        assert other.any(), "they know of each other again"
        assert files.is_shared


def test_writers_of_the_database_may_ring(database: Path) -> None:
    database.touch()
    database.chmod(0o660)
    with contextlib.closing(Neighbours(database)):
        assert bell(database).stat().st_mode & 0o777 == 0o660
