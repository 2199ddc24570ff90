"""Lanes for work of one kind."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from chat.lanes import Lane, WrongLane, current_lane, enter_lane
from chat.security.limits import ACTS
from chat.server.loop_host import LoopHost
from chat.server.ports import Application
from chat.server.threads import Lanes
from chat.server.worker import LiveWorker
from chat.services import Services
from chat.services.message_queries import SHORT
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.real_server import wait_until
from tests.unit.threads.conftest import Client, Loop


@pytest.fixture
def lanes(loop: Loop) -> Iterator[Lanes]:
    made = Lanes(2, loop.call_soon)
    yield made
    wait_until(lambda: made.rests, "all is done")


def run_in(lanes: Lanes, lane: Lane, work: Callable[[], object]) -> Any:
    """Return or raise the result of the work in this lane."""
    found: list[object] = []

    def job() -> None:
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    lanes.offer_in(lane, Client("alice"), job)
    wait_until(lambda: found, "it is done")
    return found[0]


@pytest.mark.parametrize("lane", list(Lane))
def test_each_lane_knows_itself(lanes: Lanes, lane: Lane) -> None:
    assert run_in(lanes, lane, current_lane) is lane
    assert run_in(lanes, lane, lambda: enter_lane(lane)) is True


def test_entering_another_lane_ends_the_job(lanes: Lanes) -> None:
    wrong = run_in(lanes, Lane.REST, lambda: enter_lane(Lane.HASHING))
    assert isinstance(wrong, WrongLane)
    assert wrong.lane is Lane.HASHING


def test_a_change_that_goes_to_another_lane_is_counted_there_only(lanes: Lanes, services: Services) -> None:
    alice = sign_up(services, "alice")
    club = services.rooms.create(alice, "club")
    moved = run_in(lanes, Lane.REST, lambda: services.groups.change(alice, club, None, "a picture"))
    assert isinstance(moved, WrongLane)
    for _ in range(ACTS.burst):
        services.limits.take(ACTS, alice.user_id)


def test_long_lists_and_only_they_go_to_the_lane_for_long_work(
    lanes: Lanes, make_services: Callable[..., Services]
) -> None:
    services = make_services(rate_limits=False)
    services.rooms.ensure_lobby()
    alice = sign_up(services, "alice")
    for count, is_long in ((SHORT, False), (1, True)):
        for number in range(count):
            services.messages.send(alice, "public", Draft(text=str(number)))
        for since in (None, 0):
            found = run_in(lanes, Lane.REST, partial(services.message_queries.page, alice, 1, since))
            assert isinstance(found, WrongLane) is is_long
    found, _ = run_in(lanes, Lane.LONG, partial(services.message_queries.page, alice, 1, 0))
    assert len(found) == SHORT + 1


def test_work_with_a_picture_and_a_password_stays_in_one_lane(lanes: Lanes) -> None:
    assert run_in(lanes, Lane.PICTURES, lambda: enter_lane(Lane.HASHING)) is True


def test_without_lanes_work_goes_on_where_it_is() -> None:
    assert current_lane() is None
    assert enter_lane(Lane.HASHING) is False


@pytest.mark.parametrize(("graceful_s", "is_finished"), [(10, True), (0, False)])
def test_a_worker_that_stops_lets_them_finish_for_its_time(graceful_s: float, is_finished: bool, loop: Loop) -> None:
    """A client that has disconnected has no connection, but its message is stored."""
    host: Any = LoopHost.__new__(LoopHost)
    host.connections, host.application = set(), Application(handle=lambda *_: [])
    host._lanes = Lanes(1, lambda call: call())
    worker: Any = LiveWorker.__new__(LiveWorker)
    worker.cfg = SimpleNamespace(graceful_timeout=graceful_s)
    worker.notify = lambda: None
    go_on, done = threading.Event(), list[bool]()

    def work() -> None:
        go_on.wait(10)
        done.append(True)

    host._lanes.run(Client("alice"), work)
    timer = threading.Timer(0.2, go_on.set)
    timer.start()
    loop.run(worker._finish(host))
    assert bool(done) is is_finished
    timer.join()
