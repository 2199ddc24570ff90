"""The table and the plot of `make bench-scale`."""

from importlib import import_module
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

from bench import scale_plot

scale: Any = import_module("bench.scale")  # the bench has few types
load: Any = import_module("bench.load")
clients: Any = import_module("bench.clients")
ledger: Any = import_module("bench.ledger")
wire: Any = import_module("bench.wire")


def measured(cost: float) -> Any:
    parts = {"server": cost / 2, "PostgreSQL": cost / 2}
    return scale.Measured(load.Figures(20, 600, 3, 6, cost, 0.05, 10**8, 0.1, 0.0, parts=parts), 1.0)


def test_targets_compare_databases_with_sqlite_and_workers_with_one() -> None:
    costs = {(1, scale.SQLITE): 1.0, (2, scale.SQLITE): 1.1, (1, scale.REDIS): 1.6, (2, scale.REDIS): 2.0}
    rounds = {scale.Case("10x30", *case, scale.DIRECT): [measured(cost)] for case, cost in costs.items()}
    assert {target.what: (round(target.figure, 2), target.met) for target in scale.targets(rounds)} == {
        "10x30, direct: PostgreSQL + Redis / SQLite, one worker": (1.6, False),
        "10x30, direct, SQLite: 2 workers / one": (1.1, True),
        "10x30, direct, PostgreSQL + Redis: 2 workers / one": (1.25, False),
    }
    lines = scale.report(rounds).splitlines()
    assert lines[2].startswith("| 10x30 | direct | 1 | SQLite | 600 |")
    assert "| 1.60 |" in lines[3]


def test_several_rounds_give_medians() -> None:
    merged = scale.merge([measured(cost) for cost in (1.0, 4.0, 1.2)])
    assert (merged.figures.cpu_per_10k, merged.known) == (1.2, 1.0)
    assert merged.figures.parts == {"server": 0.6, "PostgreSQL": 0.6}


def test_a_slow_round_of_the_machine_is_not_a_cost_of_more_workers() -> None:
    costs = {1: (1.0, 3.0, 1.1), 2: (1.5, 3.1, 1.0)}  # of three rounds, by workers
    rounds = {
        scale.Case("10x30", workers, scale.SQLITE, scale.DIRECT): [measured(cost) for cost in each]
        for workers, each in costs.items()
    }
    (target,) = scale.targets(rounds)
    assert round(target.figure, 2) == 1.03


def test_first_pulls_ask_for_what_follows_the_newest_message_whenever_they_arrive() -> None:
    """A cursor in the future lost the messages that a busy server stored before it took in the pull."""
    asked: list[bytes] = []
    books = ledger.Ledger(1)
    member = clients.Polling(wire.Reactor(), 0, books, books.seat(0), "room-0000", "token")
    member.receiver = SimpleNamespace(request=asked.append)
    scale._begin_after(SimpleNamespace(members=[member]), {"room-0000": b'"2026-01-02T03:04:05.000006Z"'})
    member.start()
    assert asked[0].endswith(b'{"room-0000":"2026-01-02T03:04:05.000006Z"}')


def test_outstanding_deliveries_are_named_by_their_messages() -> None:
    books = ledger.Ledger(1)
    first, second = books.seat(0), books.seat(0)
    for number in (4, 5, 6):
        body = ledger.text(1, number).encode()
        books.receive(first, body, 2)
        if number != 5:
            books.receive(second, body, 2)
    assert books.faults == "1 losses, of messages 5 to 5"


def test_the_plot_has_a_bar_for_each_part_and_both_colour_schemes() -> None:
    bars = [
        scale_plot.Bar("10x30", "direct", workers, database, {"server": 0.5 * workers, "Redis": 0.1})
        for workers in (1, 2, 4)
        for database in ("SQLite", "PostgreSQL", "PostgreSQL + Redis")
    ]
    drawn = scale_plot.draw(bars)
    boxes = [each for each in ElementTree.fromstring(drawn).iter() if each.tag.endswith("rect")]
    assert len(boxes) == len(scale_plot.PARTS) + 2 * len(bars)
    assert all(0 <= float(box.attrib["y"]) < scale_plot.height_of(1) for box in boxes)
    assert "prefers-color-scheme: dark" in drawn
