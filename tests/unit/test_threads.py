"""The thread pool, and the turns of clients."""

import asyncio
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from chat.lanes import Lane, WrongLane, current_lane, enter_lane
from chat.security.limits import ACTS
from chat.server.loop_host import LoopHost
from chat.server.ports import Application
from chat.server.threads import Bounds, Lanes, Pool, Turns
from chat.server.worker import LiveWorker
from chat.services import Services
from chat.services.message_queries import SHORT
from chat.services.messages import Draft
from tests.conftest import run_in_threads, sign_up
from tests.real_server import wait_until


class Client:
    """An Owner."""

    def __init__(self, name: str) -> None:
        self.client = name
        self.refusals: list[tuple[Any, ...]] = []

    def refused(self, lane: Lane, work: Callable[..., None], args: tuple[Any, ...]) -> None:
        self.refusals.append((lane, *args))


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def call_soon(self, call: Callable[..., object], *args: Any) -> None:
        self._loop.call_soon_threadsafe(call, *args)

    def call(self, call: Callable[..., None], *args: Any) -> None:
        """Call on the loop, and wait for it."""

        async def called() -> None:
            call(*args)

        asyncio.run_coroutine_threadsafe(called(), self._loop).result(10)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


class LoopPool(Pool):
    """A pool whose jobs may come from any thread."""

    def __init__(self, bounds: Bounds, loop: Loop) -> None:
        super().__init__(Lane.LONG, bounds, loop.call_soon)
        self._loop = loop

    def _put(self, *args: Any) -> None:
        self._loop.call(super()._put, *args)


MakePool = Callable[..., Pool]


@pytest.fixture
def pool_of(loop: Loop) -> MakePool:
    def make(threads: int, most_waiting: int = 2000, **bounds: int) -> Pool:
        return LoopPool(Bounds(threads, most_waiting, **bounds), loop)

    return make


class Busy:
    """A pool whose threads are busy for another client until released."""

    def __init__(self, pool: Pool, threads: int = 1) -> None:
        self._go_on = threading.Event()
        for number in range(threads):
            pool.run(Client(f"somebody {number}"), self._wait)
        wait_until(lambda: not pool._resting, "all threads are at work")

    def _wait(self) -> None:
        self._go_on.wait(10)

    def let_go_on(self) -> None:
        self._go_on.set()


@pytest.fixture
def alice() -> Client:
    return Client("alice")


@pytest.fixture
def bob() -> Client:
    return Client("bob")


@pytest.mark.parametrize("bounds", [{}, {"ready": 2}, {"ready": 2, "most_each": 2, "unasked": 2}, {"most_each": 1}])
def test_all_is_done_by_no_more_threads_than_there_are(
    pool_of: MakePool, alice: Client, bob: Client, bounds: dict[str, int]
) -> None:
    pool, lock = pool_of(3, **bounds), threading.Lock()
    at_once, most, done = 0, 0, []

    def work(number: int) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.001)
        with lock:
            at_once -= 1
            done.append(number)

    def submit() -> None:
        for number in range(50):
            pool.run(alice if number % 2 else bob, work, number)

    run_in_threads(*[submit] * 4)
    wait_until(lambda: len(done) == 200, "all is done")
    wait_until(lambda: pool.rests, "all threads rest")
    assert sorted(done) == sorted(list(range(50)) * 4)
    assert most == (2 if bounds == {"most_each": 1} else 3)


def test_a_clients_queued_jobs_run_in_order(pool_of: MakePool, alice: Client) -> None:
    pool, done = pool_of(1), list[int]()
    busy = Busy(pool)
    for number in range(20):
        pool.offer(alice, done.append, number)
    busy.let_go_on()
    wait_until(lambda: len(done) == 20, "all is done")
    assert done == list(range(20))


def test_threads_go_on_while_the_loop_is_late(pool_of: MakePool, loop: Loop, alice: Client, bob: Client) -> None:
    """As many jobs as are ready; the others wait for the loop."""
    pool, go_on, done = pool_of(1, ready=2), threading.Event(), list[str]()
    busy = Busy(pool)
    for client, name in ((alice, "alice"), (bob, "bob")):
        for _ in range(3):
            pool.offer(client, done.append, name)
    loop.call_soon(go_on.wait, 10)
    busy.let_go_on()
    wait_until(lambda: done == ["alice", "alice"], "what was ready is done")
    go_on.set()
    wait_until(lambda: pool.rests, "all is done")
    assert done == ["alice"] * 3 + ["bob"] * 3


def test_nobody_overtakes_who_waits_while_the_loop_is_late(
    pool_of: MakePool, loop: Loop, alice: Client, bob: Client
) -> None:
    """A request that came in the same turn of the loop took the thread that had become idle."""
    pool, done = pool_of(1), list[str]()
    busy = Busy(pool)
    for _ in range(2):
        pool.offer(bob, done.append, "bob")

    def late() -> None:
        busy.let_go_on()
        wait_until(lambda: pool._resting, "the thread is idle")
        Pool._put(pool, alice, done.append, ("alice",), True)

    loop.call(late)
    wait_until(lambda: pool.rests, "all is done")
    assert done == ["bob", "alice", "bob"]


def test_a_thousand_requests_of_one_client_cost_another_one_turn(pool_of: MakePool, alice: Client, bob: Client) -> None:
    pool, done = pool_of(1), list[str]()
    busy = Busy(pool)
    for _ in range(1000):
        pool.offer(alice, done.append, "alice")
    for _ in range(3):
        pool.offer(bob, done.append, "bob")
    busy.let_go_on()
    wait_until(lambda: pool.rests, "all is done")
    assert done[:8] == ["alice", "bob", "alice", "bob", "alice", "bob", "alice", "alice"]
    assert len(done) == 1003


def test_turns_go_to_the_client_that_has_used_least_cpu_time() -> None:
    turns = Turns()
    for client in ("heavy", "light"):
        for number in range(4):
            turns.add(client, (client, Client(client), print, (number,), True))
    taken = []
    for _ in range(8):
        job = turns.next(())
        assert job is not None
        assert job[0] is not None
        taken.append(job[0])
        turns.charge(job[0], 0.05 if job[0] == "heavy" else 0.02)
    assert taken == ["heavy", "light", "light", "light", "heavy", "light", "heavy", "heavy"]


def test_an_idle_client_has_not_saved_up_turns() -> None:
    turns = Turns()
    turns.charge("worker", 60.0)
    turns.add("worker", ("worker", Client("worker"), print, (), True))
    turns.next(())
    for client in ("worker", "idler"):
        for _ in range(2):
            turns.add(client, (client, Client(client), print, (), True))
    taken = []
    for _ in range(4):
        job = turns.next(())
        assert job is not None
        assert job[0] is not None
        taken.append(job[0])
        turns.charge(job[0], 0.01)
    assert taken == ["worker", "idler", "worker", "idler"]


def test_a_full_queue_refuses_the_newest_job_of_the_client_with_most(
    pool_of: MakePool, alice: Client, bob: Client
) -> None:
    pool, done = pool_of(1, most_waiting=10), list[str]()
    busy = Busy(pool)
    for number in range(12):
        pool.offer(alice, done.append, f"alice {number}")
    assert alice.refusals == [(Lane.LONG, "alice 10"), (Lane.LONG, "alice 11")]
    for number in range(4):
        pool.offer(bob, done.append, f"bob {number}")
    assert [refused for _, refused in alice.refusals[2:]] == ["alice 9", "alice 8", "alice 7", "alice 6"]
    assert not bob.refusals
    busy.let_go_on()
    wait_until(lambda: pool.rests, "all is done")
    assert len(done) == 10


def test_among_equals_the_newcomer_is_refused(pool_of: MakePool, alice: Client, bob: Client) -> None:
    pool, carol = pool_of(1, most_waiting=2), Client("carol")
    busy = Busy(pool)
    for client in (alice, bob, carol):
        pool.offer(client, time.sleep, 0)
    assert [len(client.refusals) for client in (alice, bob, carol)] == [0, 0, 1]
    busy.let_go_on()


def test_mandatory_work_is_never_refused_and_uses_no_queue_space(pool_of: MakePool, alice: Client, bob: Client) -> None:
    pool, done = pool_of(1, most_waiting=1), list[str]()
    busy = Busy(pool)
    for _ in range(50):
        pool.run(alice, done.append, "alice")
    pool.offer(bob, done.append, "bob")
    pool.offer(alice, done.append, "one more")
    busy.let_go_on()
    wait_until(lambda: pool.rests, "all is done")
    assert sorted(done) == ["alice"] * 50 + ["bob"]
    assert alice.refusals == [(Lane.LONG, "one more")]


def test_one_at_a_time_each_leaves_a_thread_to_the_others(pool_of: MakePool, alice: Client, bob: Client) -> None:
    pool, go_on, at_work, done = pool_of(2, most_each=1), threading.Event(), list[str](), list[str]()

    def slow(name: str) -> None:
        at_work.append(name)
        go_on.wait(10)

    for _ in range(5):
        pool.offer(alice, slow, "alice")
    wait_until(lambda: at_work == ["alice"], "the first is at work")
    pool.offer(bob, done.append, "bob")
    wait_until(lambda: done == ["bob"], "the other thread is bob's")
    assert at_work == ["alice"]
    go_on.set()
    wait_until(lambda: pool.rests, "all is done")
    assert at_work == ["alice"] * 5


@pytest.mark.parametrize("ready", [0, 2])
def test_a_client_has_a_few_threads_at_once_however_many_rest(
    pool_of: MakePool, alice: Client, bob: Client, ready: int
) -> None:
    pool = pool_of(8, most_each=2, unasked=1, ready=ready)

    def one_round() -> None:
        go_on, at_work = threading.Event(), list[str]()

        def slow(name: str) -> None:
            at_work.append(name)
            go_on.wait(10)

        for _ in range(6):
            pool.offer(alice, slow, "alice")
        for _ in range(2):
            pool.offer(bob, slow, "bob")
        wait_until(lambda: len(at_work) == 5, "as many as may are at work")
        assert at_work.count("alice") == 3, "of the first nobody asks whose it is"
        go_on.set()
        wait_until(lambda: pool.rests, "all is done")
        assert sorted(at_work) == ["alice"] * 6 + ["bob"] * 2

    one_round()
    one_round()  # nothing of the first still counts


def test_a_thread_rests_after_long_work_while_more_waits(pool_of: MakePool, alice: Client, bob: Client) -> None:
    pool, times = pool_of(1, rest=50), list[float]()

    def work() -> None:
        times.append(time.monotonic())
        end = time.thread_time() + 0.005
        while time.thread_time() < end:
            pass
        times.append(time.monotonic())

    busy = Busy(pool)
    for client in (alice, bob, alice):
        pool.offer(client, work)
    busy.let_go_on()
    wait_until(lambda: len(times) == 6 and pool.rests, "all is done")
    rests = [after - before for before, after in zip(times[1::2], times[2::2], strict=False)]
    assert all(rest > 0.2 for rest in rests), f"rests of {rests} s after 5 ms of work"


def test_one_after_the_other_is_the_same_threads_work(pool_of: MakePool, alice: Client) -> None:
    pool, names = pool_of(8), list[str]()
    for number in range(10):
        pool.run(alice, lambda: names.append(threading.current_thread().name))
        wait_until(lambda n=number: len(names) > n and pool.rests, "it rests")  # type: ignore[misc]
    assert len(set(names)) == 1


def test_a_fault_is_logged_and_costs_no_thread(
    pool_of: MakePool, alice: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(fault: BaseException) -> None:
        raise fault

    pool, done = pool_of(1, most_each=1), threading.Event()
    pool.run(alice, broken, ValueError("a fault"))
    pool.run(alice, broken, SystemExit("another"))
    pool.run(alice, done.set)
    assert done.wait(10)
    assert "a fault" in caplog.text
    assert "another" in caplog.text


def test_a_thread_that_rests_keeps_nothing_alive(pool_of: MakePool) -> None:
    class Big(Client):
        def work(self) -> None:
            pass

    pool, big = pool_of(1), Big("big")
    seen = weakref.ref(big)
    pool.run(big, big.work)
    wait_until(lambda: pool.rests, "it rests")
    del big
    wait_until(lambda: seen() is None, "nothing holds it")


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


def test_long_lists_and_only_they_go_to_the_lane_for_long_work(lanes: Lanes, services: Services) -> None:
    alice = sign_up(services, "alice")
    services.limits._enabled = False
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
def test_a_worker_that_stops_lets_them_finish_for_its_time(graceful_s: float, is_finished: bool) -> None:
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
    asyncio.run(worker._finish(host))
    assert bool(done) is is_finished
    timer.join()
