"""Held pulls and the limit of requests."""

import json
from collections.abc import Callable

import pytest
from flask import Flask

from chat import metrics
from chat.http.responses import HeldResponse
from chat.models import Actor
from chat.server.ports import Look
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import FakeClock
from tests.pictures import noise
from tests.unit.long_poll.conftest import FUTURE, end, in_the_lobby, park, pull


@pytest.fixture
def app(make_app: Callable[..., Flask], clock: FakeClock) -> Flask:
    """Requests are limited, without a refill during the test."""
    return make_app(clock)


def left(chat: Services, user_id: int) -> int:
    """Use up and return the number of requests the user may make at once."""
    return next(n for n in range(1000) if not chat.requests.count_on_loop(user_id))


def test_a_pull_that_is_held_costs_nothing(app: Flask, token: str, chat: Services, bob: Actor) -> None:
    parked = park(app, token, {"public": FUTURE})
    said = chat.messages.send(bob, "public", Draft(text="the last one"))
    for _ in range(1000):
        parked.is_held = False
        assert parked.again(json.dumps({"public": said.time / 1e6}).encode()) is Look.NOTHING_YET
    end(parked)
    assert left(chat, parked.user_id) == 300


def test_a_pull_that_is_looked_at_again_in_a_thread_costs_nothing(app: Flask, token: str, chat: Services) -> None:
    parked = park(app, token, {"public": FUTURE})
    for _ in range(10):
        parked.look_again()
        assert parked.look() is Look.NOTHING_YET
    end(parked)
    assert left(chat, parked.user_id) == 300


def test_pulls_that_are_answered_at_once_count_on_the_loop_and_in_threads(
    app: Flask, token: str, chat: Services, bob: Actor
) -> None:
    parked = park(app, token, {"public": FUTURE})
    said = chat.messages.send(bob, "public", Draft(text="again and again"))
    body = json.dumps({"public": (said.time - 1) / 1e6}).encode()
    for _ in range(300):
        parked.is_held = False
        assert isinstance(parked.again(body), bytes)
    before = metrics.delivered_on_loop.n
    assert parked.again(body) is Look.NEEDS_THREAD
    assert metrics.delivered_on_loop.n == before
    refused = pull(app, token, json.loads(body))
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    end(parked)


def test_a_place_comes_free_fifty_times_a_second(app: Flask, token: str, chat: Services, clock: FakeClock) -> None:
    parked = park(app, token, {"public": FUTURE})
    end(parked)
    assert left(chat, parked.user_id) == 300
    clock.advance(1)
    assert left(chat, parked.user_id) == 50


def test_with_other_workers_a_pull_that_finds_small_news_is_known_from_then_on(
    app: Flask, token: str, chat: Services, bob: Actor
) -> None:
    said = chat.messages.send(bob, "public", Draft(text="x"))
    before, after = {"public": (said.time - 1) / 1e6}, json.dumps(in_the_lobby(said)).encode()
    assert isinstance(pull(app, token, before), HeldResponse) is chat.limits.has_other_workers  # hosts, on PostgreSQL
    chat.limits.hold_over_workers()
    assert not isinstance(pull(app, token, before, method="GET"), HeldResponse)
    delivered = metrics.counts()[metrics.DELIVERIES]
    parked = park(app, token, before)
    (message,) = json.loads(b"".join(parked.look()))["public"]  # type: ignore[arg-type]
    assert (message["content"], metrics.counts()[metrics.DELIVERIES]) == ("x", delivered + 1)
    parked.is_held = False
    assert parked.again(after) is Look.NOTHING_YET
    end(parked)
    assert left(chat, parked.user_id) == 297, "answers count, a held pull does not"
    chat.messages.send(bob, "public", Draft(image=noise(20_000)))
    assert not isinstance(pull(app, token, before), HeldResponse)
