from hypothesis import given
from hypothesis import strategies as st

from chat.clock import SECOND
from chat.security.limits import FAILED_LOGINS, MESSAGES, Limit, MemoryBuckets

NOW = 1_700_000_000 * SECOND


def test_a_burst_then_the_rate() -> None:
    buckets = MemoryBuckets()
    assert [buckets.take(MESSAGES, 1, NOW) for _ in range(60)] == [0.0] * 60
    assert 0 < buckets.take(MESSAGES, 1, NOW) <= 0.05
    assert buckets.take(MESSAGES, 2, NOW) == 0  # others have their own
    granted = sum(buckets.take(MESSAGES, 1, NOW + SECOND) == 0 for _ in range(100))
    assert granted == 20


def test_waiting_as_told_is_enough() -> None:
    full_at = 0
    for _ in range(10):
        full_at, wait = FAILED_LOGINS.take(full_at, NOW)
        assert wait == 0
    full_at, wait = FAILED_LOGINS.take(full_at, NOW)
    assert wait == 6
    _, wait = FAILED_LOGINS.take(full_at, NOW + 6 * SECOND)
    assert wait == 0


def test_a_clock_that_jumps_back_locks_no_client_out() -> None:
    full_at, _ = FAILED_LOGINS.take(0, NOW + 86400 * SECOND)
    state, wait = FAILED_LOGINS.take(full_at, NOW)
    assert wait == 0
    assert state == NOW + 6 * SECOND


@given(st.lists(st.integers(0, 3 * SECOND), max_size=200), st.integers(1, 20))
def test_never_more_than_the_burst_and_the_refill(pauses: list[int], burst: int) -> None:
    limit = Limit("x", burst, seconds=2)
    full_at, now, granted = 0, NOW, 0
    for pause in pauses:
        now += pause
        full_at, wait = limit.take(full_at, now)
        granted += wait == 0
        assert granted <= burst + (now - NOW) // limit.interval + 1


def test_full_buckets_are_swept(monkeypatch) -> None:
    monkeypatch.setattr(MemoryBuckets, "_SWEEP_AT", 10)
    buckets = MemoryBuckets()
    for key in range(100):
        buckets.take(MESSAGES, key, NOW + key * SECOND)
    assert len(buckets._full_at) <= 11
