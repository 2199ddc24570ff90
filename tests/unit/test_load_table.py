"""Which worker takes new connections, by what all have written into the shared table."""

import os
import time

import pytest

from chat.server import load_table
from chat.server.load_table import LoadTable


@pytest.fixture
def table() -> LoadTable:
    return LoadTable(0.5)


@pytest.mark.parametrize(
    ("rows", "taker"),
    [
        ({1: (0.0, 0), 2: (0.0, 0)}, 1),  # nobody is connected: the oldest
        ({1: (0.1, 3), 2: (0.1, 40), 3: (0.0, 0)}, 2),  # few workers: the one that has clients already
        ({1: (0.5, 300), 2: (0.1, 3), 3: (0.0, 0)}, 2),  # busy
        ({1: (0.5, 300), 2: (0.9, 300), 3: (0.0, 0)}, 3),
        ({1: (0.5, 300), 2: (0.9, 300)}, None),  # all are busy
        ({}, None),
    ],
)
def test_the_fullest_worker_with_room_takes_connections(
    table: LoadTable, rows: dict[int, tuple[float, int]], taker: int | None
) -> None:
    for row, (load, connections) in rows.items():
        table.write(row, load=load, connections=connections)
    assert table.taker() == taker


def test_a_worker_that_accepts_goes_on(table: LoadTable) -> None:
    for row in (1, 2):
        table.write(row, load=0.1, connections=0, accepts=row == 2)
    assert table.taker() == 2


def test_connections_count_at_once(table: LoadTable) -> None:
    for row in (1, 2):
        table.write(row, load=0.1, connections=0)
    table.count_accepted(2)
    assert table.taker() == 2


def test_a_worker_that_writes_no_more_takes_none(table: LoadTable, monkeypatch: pytest.MonkeyPatch) -> None:
    table.write(1, load=0.1, connections=9)
    now = time.monotonic() + load_table.GONE_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: now)
    table.write(2, load=0.1, connections=1)
    assert table.taker() == 2


def test_clients_are_handed_over_only_to_workers_with_much_room(table: LoadTable) -> None:
    table.write(1, load=0.9, connections=9)
    table.write(2, load=0.4, connections=9)
    assert not table.has_idle()
    table.write(3, load=0.2, connections=9)
    assert table.has_idle()


@pytest.mark.parametrize(
    ("rows", "moves"),
    [
        ({1: (0.2, 90), 2: (0.1, 5)}, True),
        ({1: (0.2, 90), 2: (0.2, 5)}, False),  # it would soon be too busy
        ({1: (0.2, 5), 2: (0.1, 90)}, False),  # it is the other one that hands over
        ({1: (0.6, 90), 2: (0.5, 5)}, False),  # all take connections
    ],
)
def test_workers_with_little_load_become_one(table: LoadTable, rows: dict[int, tuple[float, int]], moves: bool) -> None:
    for row, (load, connections) in rows.items():
        table.write(row, load=load, connections=connections)
    assert table.can_take_over(2) is moves


def test_processes_forked_later_share_it(table: LoadTable) -> None:
    child = os.fork()
    if not child:
        table.write(7, load=0.1, connections=3)
        table.count_accepted(7)
        os._exit(0)
    os.waitpid(child, 0)
    assert (table.taker(), table.accepted(7)) == (7, 1.0)
