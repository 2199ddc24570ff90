"""Limits that all processes count together in Redis."""

import contextlib
import random
import time

import pytest

from chat.backends.redis import buckets as lua
from chat.backends.redis.buckets import RedisBuckets
from chat.backends.redis.link import Link
from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.models import RateLimit
from chat.security.limits import FAILED_LOGINS, MESSAGES, Limit
from chat.services import Services
from chat.services.buckets import SqlBuckets
from chat.services.messages import Draft
from tests.conftest import FakeClock, run_in_threads, sign_up
from tests.redis import PrivateRedis
from tests.unit.redis.conftest import ADDRESS, FEW, refusal


def test_the_arithmetic_is_the_same_everywhere(server: PrivateRedis, services: Services, clock: FakeClock) -> None:
    """Limit.take, the Lua script and the SQL statement."""
    chance = random.Random(5)
    sql = SqlBuckets(services.store, clock)
    with server.client() as redis:
        take = redis.register_script(lua.TAKE.replace(lua.NOW, "local now = tonumber(ARGV[#ARGV])"))
        for burst, seconds in ((1, 1.0), (5, 7.0), (60, 3.0)):
            limit = Limit(f"of-{burst}", burst, seconds)
            full_at = 0
            for _ in range(150):
                clock.advance(chance.choice([0, 0, 0.01, 0.3, 2]))
                count = chance.choice([1, 1, 1, 2, burst, burst + 1])
                state, wait = limit.take(full_at, clock.now, count)
                by_sql = sql.take([(limit, "x", count)])
                args = [0, limit.interval, limit.burst, count, clock.now]
                refused, micros = take(keys=["x"], args=args)
                redis.persist("x")  # it would expire by the real clock
                assert (bool(refused), micros) == (wait > 0, round(wait * SECOND))
                assert (by_sql is not None) == (wait > 0)
                if by_sql is not None:
                    assert by_sql[1] == pytest.approx(wait)
                else:
                    assert int(redis.get("x") or 0) == state
                full_at = full_at if wait else state
            redis.flushdb()


def test_buckets_are_taken_all_or_none_and_given_back(link: Link) -> None:
    taken = RedisBuckets(link, "p")
    other = Limit("other", burst=2, seconds=60)
    assert taken.is_full(FEW, "a")
    for _ in range(2):
        assert taken.take([(FEW, "a", 1), (other, "a", 1)]) is None
    refused = taken.take([(FEW, "a", 1), (other, "a", 1)])
    assert refused is not None
    assert refused[0][0] is other
    assert 25 < refused[1] <= 30
    assert taken.look([(FEW, "a", 3)]) is None, "the first bucket was left alone"
    assert taken.look([(FEW, "a", 4)]) is not None
    assert not taken.is_full(FEW, "a")
    taken.give_back([(FEW, "a", 1), (other, "a", 1)])
    assert taken.take([(FEW, "a", 1), (other, "a", 1)]) is None
    taken.give_back([(FEW, "a", 2), (other, "a", 5)])
    assert taken.is_full(FEW, "a")
    assert taken.is_full(other, "a")


def test_a_bucket_goes_when_it_is_full_again(server: PrivateRedis, link: Link) -> None:
    assert RedisBuckets(link, "p").take([(Limit("slow", burst=10, seconds=600), "x" * 5000, 1)]) is None
    with server.client() as redis:
        (key,) = redis.scan_iter()
        assert len(key) < 120, "a long key is hashed"
        assert 0 < redis.pttl(key) <= 60_000


def test_processes_count_messages_together(two: tuple[Services, Services]) -> None:
    one, other = two
    alice = sign_up(one, "alice")
    began = time.monotonic()
    sent = 0
    for n in range(2 * MESSAGES.burst):  # each process by itself would take them all
        with contextlib.suppress(ChatError):
            (one, other)[n % 2].messages.send(alice, "public", Draft(text="x"))
            sent += 1
    assert MESSAGES.burst <= sent <= MESSAGES.burst + 20 * (time.monotonic() - began) + 1


def test_a_send_takes_no_statement_for_its_limit(two: tuple[Services, Services]) -> None:
    one, _ = two
    one.limits.hold_over_workers()
    alice = sign_up(one, "alice")
    one.messages.send(alice, "public", Draft(text="x"))
    with one.store.read() as connection:
        keys = [key for key in connection.scalars(RateLimit.__table__.select()) if key.startswith("messages")]
    assert keys == []


def test_wrong_passwords_are_counted_together_and_a_right_one_is_forgiven(two: tuple[Services, Services]) -> None:
    one, other = two
    sign_up(one, "alice")
    for _ in range(3):
        one.accounts.log_in("alice", "secret1", ADDRESS)
    for n in range(FAILED_LOGINS.burst):
        error = refusal(lambda n=n: (one, other)[n % 2].accounts.log_in("alice", "wrong", ADDRESS))  # type: ignore[misc]
        assert error.code is ErrorCode.CREDENTIALS_WRONG
    for services in two:
        error = refusal(lambda services=services: services.accounts.log_in("alice", "secret1", ADDRESS))  # type: ignore[misc]
        assert error.code is ErrorCode.RATE_LIMITED


def test_simultaneous_takers_share_one_bucket(link: Link) -> None:
    taken = RedisBuckets(link, "p")
    results: list[object] = []
    run_in_threads(*[lambda: results.append(taken.take([(FEW, "a", 1)]))] * 20)
    assert sum(result is None for result in results) == FEW.burst
