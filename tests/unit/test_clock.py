import time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.clock import SteadyClock, from_iso, to_iso, to_local, to_offset_iso, to_whole_iso


@given(st.integers(0, 253_402_300_799_999_999))
def test_iso_there_and_back(moment: int) -> None:
    text = to_iso(moment)
    assert len(text) == 27
    assert text.endswith("Z")
    assert from_iso(text) == moment


@given(st.lists(st.integers(0, 253_402_300_799_999_999), min_size=2, max_size=2))
def test_iso_sorts_as_time_does(moments: list[int]) -> None:
    assert sorted(map(to_iso, moments)) == [to_iso(moment) for moment in sorted(moments)]


def test_offsets() -> None:
    assert from_iso("2024-05-07T15:23:30.807247+08:00") == from_iso("2024-05-07T07:23:30.807247Z")
    for text in ("2024-05-07T15:23:30", "2024-05-07", "junk", "0001-01-01T00:00:00"):
        with pytest.raises(ValueError, match=r".*"):
            from_iso(text)


MAY = from_iso("2024-05-07T07:23:30.807247Z")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_local_times() -> None:
    assert to_offset_iso(MAY, SHANGHAI) == "2024-05-07T15:23:30.807247+08:00"
    assert to_local(MAY, SHANGHAI) == "2024-05-07 15:23:30"
    assert to_iso(MAY) == "2024-05-07T07:23:30.807247Z"
    assert to_whole_iso(MAY) == "2024-05-07T07:23:30Z"
    assert to_offset_iso(MAY, ZoneInfo("UTC")) == "2024-05-07T07:23:30.807247+00:00"
    assert to_local(from_iso("2023-12-31T16:00:00Z"), SHANGHAI) == "2024-01-01 00:00:00"


def test_a_whole_second_has_its_decimals_too() -> None:
    assert to_offset_iso(from_iso("2024-05-07T07:23:30Z"), SHANGHAI) == "2024-05-07T15:23:30.000000+08:00"


def test_summer_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    before = from_iso("2024-10-27T00:30:00Z")
    assert to_offset_iso(before, berlin) == "2024-10-27T02:30:00.000000+02:00"
    assert to_offset_iso(before + 3_600_000_000, berlin) == "2024-10-27T02:30:00.000000+01:00"


@given(st.integers(0, 4_102_444_800_000_000), st.sampled_from(["UTC", "Asia/Kathmandu", "America/Lima"]))
def test_with_the_offset_it_is_the_same_moment(moment: int, zone: str) -> None:
    assert from_iso(to_offset_iso(moment, ZoneInfo(zone))) == moment


def test_without_a_zone_it_is_the_servers_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert to_offset_iso(MAY, None) == "2024-05-07T16:23:30.807247+09:00"
        assert to_local(MAY, None) == "2024-05-07 16:23:30"
    finally:
        monkeypatch.undo()
        time.tzset()


class Clocks:
    """A wall clock that may be set, and the time since boot."""

    wall_ns, boot_ns = 1_800_000_000 * 10**9, 5 * 10**9

    def __init__(self) -> None:
        self.steady = SteadyClock(lambda: self.wall_ns, lambda: self.boot_ns)

    def pass_by(self, seconds: float) -> None:
        self.wall_ns += round(seconds * 1e9)
        self.boot_ns += round(seconds * 1e9)

    @property
    def said(self) -> float:
        """Seconds since the beginning, by the steady clock."""
        return self.steady() / 1e6 - 1_800_000_000


@pytest.mark.parametrize("step", [80_000, -80_000])
def test_a_wall_clock_that_is_set_wrong_for_a_moment_is_not_believed(step: int) -> None:
    clocks = Clocks()
    clocks.pass_by(10)
    clocks.wall_ns += step * 10**9
    clocks.pass_by(5)
    assert clocks.said == 15
    clocks.wall_ns -= step * 10**9
    clocks.pass_by(5)
    assert clocks.said == 20


def test_a_new_wall_time_is_believed_once_it_has_held_for_minutes() -> None:
    clocks = Clocks()
    clocks.wall_ns += 3600 * 10**9
    assert clocks.said == 0
    clocks.pass_by(179)
    assert clocks.said == 179
    clocks.pass_by(2)
    clocks.steady()
    assert clocks.said == 3600 + 181


def test_a_wall_clock_that_is_set_again_has_to_hold_anew() -> None:
    clocks = Clocks()
    for _ in range(3):
        clocks.wall_ns += 3600 * 10**9
        clocks.steady()
        clocks.pass_by(100)
        assert clocks.said < 3600
    clocks.pass_by(100)
    clocks.steady()
    assert clocks.said == 3 * 3600 + 400


def test_small_corrections_are_followed_at_once() -> None:
    clocks = Clocks()
    for _ in range(10):
        clocks.wall_ns += 200_000_000
        clocks.pass_by(1)
        clocks.steady()
    assert clocks.said == pytest.approx(12)
