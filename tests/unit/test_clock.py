import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.clock import from_iso, to_iso


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
