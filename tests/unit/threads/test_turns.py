"""Turns of clients, and the queue's bounds."""

import threading
import time

import pytest

from chat.lanes import Lane
from chat.server.threads import Pool, Turns
from tests.real_server import wait_until
from tests.unit.threads.conftest import Busy, Client, Loop, MakePool


def test_a_clients_queued_jobs_run_in_order(pool_of: MakePool, alice: Client) -> None:
    pool, done = pool_of(1), list[int]()
    busy = Busy(pool)
    for number in range(20):
        pool.offer(alice, done.append, number)
    busy.let_go_on()
    wait_until(lambda: len(done) == 20, "all is done")
    assert done == list(range(20))


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
