"""Deadlines, on a clock and a loop that the test turns by hand."""

from collections.abc import Callable

import pytest

from chat.server.deadlines import NEVER, STEP_SECONDS, Deadlines


class Loop:
    """As much of an event loop as Deadlines uses."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.due: tuple[float, Callable[[], None]] | None = None
        self.timers_set = 0

    def call_later(self, seconds: float, call: Callable[[], None]) -> "Loop":
        self.due = (self.now + seconds, call)
        self.timers_set += 1
        return self

    def cancel(self) -> None:
        self.due = None

    def run_until(self, moment: float) -> None:
        while self.due is not None and self.due[0] <= moment:
            self.now, call = self.due
            self.due = None
            call()
        self.now = moment


class Connection:
    def __init__(self, loop: Loop) -> None:
        self.deadline = NEVER
        self.watched_until = NEVER
        self.passed: list[float] = []
        self._loop = loop

    def deadline_passed(self) -> None:
        self.passed.append(self._loop.now)
        self.deadline = NEVER


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    loop = Loop()
    monkeypatch.setattr("chat.server.deadlines.time.monotonic", lambda: loop.now)
    return loop


@pytest.fixture
def watched(loop: Loop) -> tuple[Deadlines, Connection]:
    made = Deadlines(loop)  # type: ignore[arg-type]
    return made, Connection(loop)


def test_called_when_it_has_passed_and_soon_after(loop: Loop, watched: tuple[Deadlines, Connection]) -> None:
    made, one = watched
    for seconds in (0.0, 0.01, 0.05, 1.0, 25.0):
        one.deadline = loop.now + seconds
        made.watch(one)
        loop.run_until(one.deadline - 0.001)
        assert not one.passed
        deadline = one.deadline
        loop.run_until(loop.now + 60)
        (at,) = one.passed
        assert deadline <= at <= deadline + 2 * STEP_SECONDS
        one.passed.clear()


def test_moved_later_without_a_word(loop: Loop, watched: tuple[Deadlines, Connection]) -> None:
    made, one = watched
    one.deadline = loop.now + 1
    made.watch(one)
    for _ in range(100):
        loop.run_until(loop.now + 0.5)
        one.deadline = loop.now + 1  # no call of watch: it is watched until before that
        assert not one.passed
    assert loop.timers_set < 200
    loop.run_until(loop.now + 1.3)
    assert len(one.passed) == 1


def test_moved_to_before(loop: Loop, watched: tuple[Deadlines, Connection]) -> None:
    made, one = watched
    one.deadline = loop.now + 75
    made.watch(one)
    one.deadline = loop.now + 2
    assert one.deadline < one.watched_until
    made.watch(one)
    loop.run_until(loop.now + 2.3)
    assert len(one.passed) == 1
    loop.run_until(loop.now + 100)
    assert len(one.passed) == 1


def test_one_that_is_watched_anew_does_not_hide_those_before_it(
    loop: Loop, watched: tuple[Deadlines, Connection]
) -> None:
    made, one = watched
    others = [Connection(loop) for _ in range(5)]
    for number, other in enumerate(others):
        other.deadline = loop.now + 3 + number
        made.watch(other)
    one.deadline = loop.now + 1
    made.watch(one)
    one.deadline = loop.now + 30  # moved: watched again when the second is over
    loop.run_until(loop.now + 5.3)
    assert [len(other.passed) for other in others] == [1, 1, 1, 0, 0]
    loop.run_until(loop.now + 30)
    assert [len(other.passed) for other in others] == [1, 1, 1, 1, 1]
    assert len(one.passed) == 1


def test_forgotten(loop: Loop, watched: tuple[Deadlines, Connection]) -> None:
    made, one = watched
    one.deadline = loop.now + 2
    made.watch(one)
    made.forget(one)
    made.forget(one)
    loop.run_until(loop.now + 10)
    assert not one.passed
    assert one.watched_until == NEVER


def test_a_failure_harms_no_other(
    loop: Loop, watched: tuple[Deadlines, Connection], caplog: pytest.LogCaptureFixture
) -> None:
    made, one = watched
    bad = Connection(loop)
    bad.deadline_passed = lambda: 1 / 0  # type: ignore[method-assign,assignment]
    bad.deadline = one.deadline = loop.now + 1
    made.watch(bad)
    made.watch(one)
    loop.run_until(loop.now + 1.3)
    assert len(one.passed) == 1
    assert "ZeroDivisionError" in caplog.text
