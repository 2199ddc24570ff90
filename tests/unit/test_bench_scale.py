"""The table and the plot of `make bench-scale`."""

from importlib import import_module
from typing import Any
from xml.etree import ElementTree

from bench import scale_plot

scale: Any = import_module("bench.scale")  # the bench has few types
load: Any = import_module("bench.load")


def measured(cost: float) -> Any:
    parts = {"server": cost / 2, "PostgreSQL": cost / 2}
    return scale.Measured(load.Figures(20, 600, 3, 6, cost, 0.05, 10**8, 0.1, 0.0, parts=parts), 1.0)


def test_targets_compare_databases_with_sqlite_and_workers_with_one() -> None:
    costs = {(1, scale.SQLITE): 1.0, (2, scale.SQLITE): 1.1, (1, scale.REDIS): 1.6, (2, scale.REDIS): 2.0}
    results = {scale.Case("10x30", *case, scale.DIRECT): measured(cost) for case, cost in costs.items()}
    assert {target.what: (round(target.figure, 2), target.met) for target in scale.targets(results)} == {
        "10x30, direct: PostgreSQL + Redis / SQLite, one worker": (1.6, False),
        "10x30, direct, SQLite: 2 workers / one": (1.1, True),
        "10x30, direct, PostgreSQL + Redis: 2 workers / one": (1.25, False),
    }
    lines = scale.report(results).splitlines()
    assert lines[2].startswith("| 10x30 | direct | 1 | SQLite | 600 |")
    assert "| 1.60 |" in lines[3]


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
