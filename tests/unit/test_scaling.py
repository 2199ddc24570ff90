"""docs/scaling.md has the tables that bench/simulate.py prints."""

import pytest

from bench.simulate import Costs, Load, row, table
from tests.real_server import ROOT


@pytest.mark.parametrize("channels", [1, 64])
def test_the_tables_are_those_of_the_model(channels: int) -> None:
    assert table(channels) in (ROOT / "docs" / "scaling.md").read_text()


def test_dearer_deliveries_need_more_cores() -> None:
    cheap, dear = (float(row(Load(10**6), Costs(delivery=ms), 64)[3].replace(",", "")) for ms in (0.02, 0.04))
    assert dear - cheap == pytest.approx(10, abs=0.1)
