"""CPU of each test file and of all processes that it starts: PYTHONPATH=. make test ARGS="-p tests.cpu_by_file"."""

import ctypes
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

_PR_SET_CHILD_SUBREAPER = 36
_MOST = 30  # files in the report
_TICKS = os.sysconf("SC_CLK_TCK")
_REST = "(collection, pytest's controller, PostgreSQL)"
_used: dict[str, float] = defaultdict(float)  # seconds by file, of this process or of all workers of pytest


class _Meter:
    """The CPU of this process and its descendants, ended ones included."""

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)  # keeps processes whose parents have ended
        self._file = _REST
        self._before = _seconds()

    def turn_to(self, file: str) -> None:
        """Count the seconds since the last call for the file before, and those from now on for this one."""
        if file != self._file:
            now = _seconds()
            _used[self._file] += now - self._before
            self._file, self._before = file, now


def _seconds() -> float:
    parents: dict[str, str] = {}
    ticks: dict[str, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        parents[folder.name] = fields[1]
        ticks[folder.name] = sum(map(int, fields[11:15]))  # its own, and that of children it has waited for
    mine, found = {str(os.getpid())}, set[str]()
    while mine:
        found |= mine
        mine = {pid for pid, parent in parents.items() if parent in mine} - found
    return sum(ticks.get(pid, 0) for pid in found) / _TICKS


_METER = pytest.StashKey[_Meter]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_METER] = _Meter()


def pytest_runtest_protocol(item: pytest.Item) -> None:
    item.config.stash[_METER].turn_to(item.nodeid.partition("::")[0])


def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.stash[_METER].turn_to("")
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["cpu"] = dict(_used)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Count the seconds of a worker by file, as this process has counted them as its own."""
    for file, seconds in getattr(node, "workeroutput", {}).get("cpu", {}).items():
        _used[file] += seconds
        _used[_REST] -= seconds


def pytest_terminal_summary(terminalreporter: Any) -> None:
    folders: dict[str, float] = defaultdict(float)
    for file, seconds in _used.items():
        folders["/".join(file.split("/")[:2]) if file != _REST else file] += seconds
    largest = sorted(_used.items(), key=lambda each: -each[1])[:_MOST]
    terminalreporter.section(f"CPU: {sum(_used.values()):.0f} s")
    for name, seconds in [*sorted(folders.items(), key=lambda each: -each[1]), *largest]:
        terminalreporter.write_line(f"{seconds:8.1f}  {name}")
