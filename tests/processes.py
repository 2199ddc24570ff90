"""Figures of a server's processes, as the system counts them: threads, memory, sockets."""

import contextlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.real_server import Server

Opened = TypeVar("Opened")


def threads_of(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


def rss_of(pid: int) -> int:
    """Bytes of memory it really has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def resting_sockets_of(pid: int) -> int:
    """How many sockets it has when those of earlier requests are closed."""
    counts = [-1, -2, -3]
    while len(set(counts[-3:])) > 1:
        time.sleep(0.05)
        counts.append(sockets_of(pid))
    return counts[-1]


def allow_descriptors(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard < 0 else min(wanted, hard), hard))


def sockets_of(pid: int) -> int:
    """How many sockets of the network a process has open: none to the database or to other processes here."""
    local = {line.split()[6] for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]}
    count = 0
    for link in _descriptors_of(pid):
        kind, _, inode = link.partition(":")
        count += kind == "socket" and inode.strip("[]") not in local
    return count


def _descriptors_of(pid: int) -> list[str]:
    """What each of its descriptors is, as "socket:[123]"."""
    found: list[str] = []
    folder = os.open(f"/proc/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found.append(os.readlink(name, dir_fd=folder))
    finally:
        os.close(folder)
    return found


def spread(server: Server, open_one: Callable[[], Opened], least: int) -> list[Opened]:
    """Open connections until each worker holds at least `least` of them. The kernel chooses the worker."""
    idle = {pid: sockets_of(pid) for pid in server.worker_pids()}
    opened: list[Opened] = []
    while True:
        held = {pid: sockets_of(pid) - before for pid, before in idle.items()}
        if min(held.values()) >= least:
            return opened
        assert len(opened) < 80, "the connections do not spread"
        if len(opened) > 20:  # on a busy machine all may go to the worker that is awake
            _hold_up(max(held, key=lambda pid: held[pid]), 0.1)
        opened.append(open_one())


def _hold_up(pid: int, seconds: float) -> None:
    def go_on() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    os.kill(pid, signal.SIGSTOP)
    threading.Timer(seconds, go_on).start()


def clients_of(pid: int, port: int) -> int:
    """How many connections to this port a process has open."""
    mine = set(_descriptors_of(pid))
    local, established = f":{port:04X}", "01"
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines() if local in line]
    return sum(row[1].endswith(local) and row[3] == established and f"socket:[{row[9]}]" in mine for row in rows)
