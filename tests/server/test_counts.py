"""Counts of a send and a delivery over a real server: `python -m bench --counts`.

Counts do not depend on the machine's speed. If one of these fails for a good reason, write the new figure here.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.real_server import ROOT

# The transaction that stores the message. The sender's session is cached.
STATEMENTS_PER_SEND = 4  # BEGIN, UPDATE, INSERT, COMMIT
BUS_READS_PER_SEND = 0  # it sleeps while its own process writes

# System calls by purpose, independent of the names in this Python and libc; measured, and rounded up. futex is only
# printed: usually a thread waits for the GIL, which depends on timing.
KINDS = {
    "send": {"send", "sendto", "sendmsg", "write", "writev"},
    "receive": {"recv", "recvfrom", "recvmsg", "read", "readv"},
    "wait": {"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll"},
    "memory": {"mmap", "munmap", "mremap", "mprotect", "madvise", "brk"},
    "database": {"pread64", "pwrite64", "fcntl", "fdatasync", "fsync", "ftruncate", "lseek"},
}
CALLS_PER_DELIVERY = {"send": 1, "receive": 1, "wait": 0.1, "memory": 0.1, "database": 0.7}  # read marks: by the clock
CALLS_PER_SEND = {"send": 2, "receive": 2, "wait": 2, "memory": 0.2, "database": 16}
FACTOR = 1.5  # the permitted growth of a figure,
SLACK = {"delivery": 0.25, "send": 1.0}  # and besides


def test_a_send_and_a_delivery_take_no_more_than_they_did() -> None:
    """One test, as the counting takes some seconds, and other workers of pytest would count again."""
    counted = run_counts()
    check_deliveries(counted)
    check_sends(counted)
    if counted["no_calls"] and not os.environ.get("CI"):
        pytest.skip(f"SQL is as it was; system calls: {counted['no_calls']}")
    assert not counted["no_calls"]
    check_calls(counted["calls_per_delivery"], CALLS_PER_DELIVERY, SLACK["delivery"])
    check_calls(counted["calls_per_send"], CALLS_PER_SEND, SLACK["send"])


def run_counts() -> Any:
    command = [sys.executable, "-m", "bench", "--counts", "--json"]
    environment = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_deliveries(counted: Any) -> None:
    """On the fast path they run no SQL."""
    assert counted["deliveries"] >= 500
    assert counted["sql_per_delivery"] == {}, listed(counted["sql_per_delivery"])


def check_sends(counted: Any) -> None:
    statements = counted["sql_per_send"]
    assert any(statement.startswith("INSERT INTO messages") for statement in statements)  # it is counted at all
    assert sum(statements.values()) <= STATEMENTS_PER_SEND, listed(statements)
    reads = {name: times for name, times in counted["sql_in_background"].items() if name.startswith("bus: SELECT")}
    # It looks by the clock too: more of that where sends take longer.
    assert sum(reads.values()) <= BUS_READS_PER_SEND + 1, listed(counted["sql_in_background"])


def check_calls(calls: dict[str, float], today: dict[str, float], slack: float) -> None:
    found = dict.fromkeys([*KINDS, "other"], 0.0)
    for name, times in calls.items():
        if name != "futex":
            found[next((kind for kind, names in KINDS.items() if name in names), "other")] += times
    # They are counted at all. A figure is a difference of two rounds, in which threads wake each other unequally often.
    assert found["send"] > 0.9
    more = {kind: times for kind, times in found.items() if times > today.get(kind, 0) * FACTOR + slack}
    assert not more, listed(calls)


def listed(counts: dict[str, float]) -> str:
    return "\n".join(["", *(f"{times:8.2f}  {name}" for name, times in counts.items())])
