"""The thread pool: its work, its rest, and its faults."""

import threading
import time
import weakref

import pytest

from tests.conftest import run_in_threads
from tests.real_server import wait_until
from tests.unit.threads.conftest import Busy, Client, Loop, MakePool


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
