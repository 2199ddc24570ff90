"""Waiting for writes to a folder."""

import threading
import time
from pathlib import Path

import pytest

from chat.storage import filewatch
from chat.storage.filewatch import FileWatch, Tick, watch


@pytest.fixture
def files(tmp_path: Path) -> FileWatch:
    made = watch(tmp_path)
    assert isinstance(made, FileWatch)
    return made


def test_it_hears_of_a_write(files: FileWatch, tmp_path: Path) -> None:
    with (tmp_path / "file").open("ab", buffering=0) as file:
        assert not files.wait(0.05)
        writer = threading.Timer(0.1, file.write, [b"x"])
        writer.start()
        assert files.wait(10)
        writer.join()
        assert not files.wait(0.05)  # heard once
    files.close()


def test_many_writes_are_heard_at_once(files: FileWatch, tmp_path: Path) -> None:
    with (tmp_path / "file").open("ab", buffering=0) as file:
        for _ in range(10_000):
            file.write(b"x")
    while files.wait(0.05):
        pass
    files.close()


def test_it_can_be_woken(files: FileWatch) -> None:
    waker = threading.Timer(0.1, files.wake)
    waker.start()
    began = time.monotonic()
    assert files.wait(10)
    assert time.monotonic() - began < 5
    waker.join()
    files.close()


def test_without_inotify_it_ticks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class NoMore(FileWatch):
        def __init__(self, folder: Path) -> None:
            super().__init__(folder / "there is no such folder")

    monkeypatch.setattr(filewatch, "FileWatch", NoMore)
    tick = watch(tmp_path)
    assert isinstance(tick, Tick)
    began = time.monotonic()
    assert tick.wait(10)
    assert time.monotonic() - began < 5
    tick.close()
