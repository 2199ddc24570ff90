"""PostgreSQL that is away: requests are refused at once, waiting clients wait on, and all look when it is back."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine

from app import services_for
from chat.backends import engine_options
from chat.backends.postgresql import breaker as breaker_module
from chat.backends.postgresql import bus as bus_module
from chat.backends.postgresql import engine as engine_module
from chat.backends.postgresql.breaker import Breaker, Prober, is_silence
from chat.backends.postgresql.bus import PostgresBus
from chat.clock import system_clock
from chat.delivery import Waiter
from chat.delivery import notifier as notifier_module
from chat.errors import ChatError, ErrorCode
from chat.services import Services
from chat.services.messages import Draft
from tests import postgresql
from tests.conftest import settings_at, sign_up
from tests.database import execute, store_of
from tests.databases import url_of
from tests.real_server import wait_until
from tests.relay import Relay


@pytest.fixture
def relay() -> Iterator[Relay]:
    made = Relay(f"{os.environ[postgresql.FOLDER]}/.s.PGSQL.5432")
    yield made
    made.stop()


@contextlib.contextmanager
def serving_through(relay: Relay, home: Path) -> Iterator[Services]:
    """Services with their threads, on the test's database."""
    name = url_of(home).partition("@/")[2].partition("?")[0]
    settings = settings_at(home, database_url=f"postgresql://postgres@127.0.0.1:{relay.port}/{name}?connect_timeout=20")
    options = engine_options(settings.postgresql_url, settings.database_busy_seconds)
    made = services_for(settings, create_engine(settings.database_uri, **options), system_clock)
    made.start()
    try:
        yield made
    finally:
        relay.pass_on()
        made.close()
        made.store.dispose()


@pytest.fixture
def serving(services: Services, relay: Relay, home: Path) -> Iterator[Services]:
    """Services with their threads, through the relay."""
    with serving_through(relay, home) as made:
        wait_until(lambda: prober_of(made).answers > 0, "the prober is connected")
        yield made


def refusal_and_seconds(job: Callable[[], object]) -> tuple[ErrorCode, float]:
    began = time.monotonic()
    with pytest.raises(ChatError) as caught:
        job()
    return caught.value.code, time.monotonic() - began


def prober_of(services: Services) -> Prober:
    assert isinstance(services.bus, PostgresBus)
    return services.bus._prober


def breaker_of(services: Services) -> Breaker:
    found: Breaker = store_of(services).breaker  # type: ignore[attr-defined]
    return found


pytestmark = pytest.mark.postgresql_only


@pytest.mark.parametrize("how", ["refuse", "swallow"])
def test_requests_are_refused_at_once_while_it_is_away(serving: Services, relay: Relay, how: str) -> None:
    alice = sign_up(serving, "alice")
    looked: list[bool] = []
    waiter = Waiter([("room", 1)], lambda: looked.append(waiter.recheck))
    serving.hub.notifier.register(waiter, most=10)

    def send() -> object:
        return serving.messages.send(alice, "public", Draft(text="x", client_message_id="1"))

    getattr(relay, how)()
    code, seconds = refusal_and_seconds(send)
    assert code is ErrorCode.UNAVAILABLE
    assert seconds < 4, "the first one finds out; 2.5 s on a machine with nothing else to do"
    wait_until(lambda: breaker_of(serving).is_open, "it is known")
    for _ in range(20):
        code, seconds = refusal_and_seconds(send)
        assert code is ErrorCode.UNAVAILABLE
        assert seconds < 0.05
    assert not looked, "nobody who waits is disturbed"
    if how == "swallow":
        relay.pass_on()
    else:
        relay.open()
    wait_until(lambda: not breaker_of(serving).is_open, "it is back")
    wait_until(lambda: looked == [True], "everybody looks again")
    assert not serving.hub.holds_on
    send()
    send()
    assert [message.content for message in serving.messages.history(alice, "public", None, 10)] == ["x"]


def test_it_stops_in_peace_while_it_is_away(serving: Services, relay: Relay) -> None:
    serving.room_presence.enter(sign_up(serving, "alice"), 1)
    relay.refuse()
    wait_until(lambda: breaker_of(serving).is_open, "it is known")
    serving.close()


def test_a_host_that_is_cut_off_sends_its_clients_elsewhere(
    serving: Services, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as impatient:  # a busy machine would not answer in that time
        impatient.setattr(breaker_module, "CUT_OFF_SECONDS", 0.1)
        impatient.setattr(breaker_module, "ANSWER_SECONDS", 0.2)
        relay.swallow()
        wait_until(lambda: serving.hub.is_cut_off, "it has given up")
        assert not serving.hub.holds_on, "held pulls are answered"
    relay.pass_on()
    wait_until(lambda: not serving.hub.is_cut_off, "it is back")


def test_a_bus_that_connects_after_the_cut_ends_it_too(
    services: Services, relay: Relay, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection was still on its way when the others were closed, and nothing was lost on it."""
    may_connect = threading.Event()

    def connect(url: str, **options: Any) -> psycopg.Connection:
        assert may_connect.wait(60)
        return engine_module.connect(url, **options)

    monkeypatch.setattr(bus_module, "connect", connect)
    with serving_through(relay, home) as made, monkeypatch.context() as impatient:
        impatient.setattr(breaker_module, "CUT_OFF_SECONDS", 0.1)
        impatient.setattr(breaker_module, "ANSWER_SECONDS", 0.2)
        wait_until(lambda: prober_of(made).answers > 0, "the prober is connected")
        relay.swallow()
        wait_until(lambda: made.hub.is_cut_off, "it has given up")
        impatient.undo()
        relay.pass_on()
        wait_until(lambda: not breaker_of(made).is_open, "the database answers")
        may_connect.set()
        wait_until(lambda: not made.hub.is_cut_off, "it is back")


def test_a_database_that_refuses_is_away_for_all_hosts(
    serving: Services, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker_module, "CUT_OFF_SECONDS", 0.1)
    relay.refuse()
    wait_until(lambda: breaker_of(serving).is_open, "it is known")
    time.sleep(0.7)  # another probe
    assert not serving.hub.is_cut_off
    relay.open()
    wait_until(lambda: not breaker_of(serving).is_open, "it is back")


def test_a_connection_that_was_ended_is_no_outage(services: Services, serving: Services) -> None:
    with services.store.write() as tx:
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        execute(tx, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    time.sleep(0.2)
    assert not breaker_of(serving).is_open
    with contextlib.suppress(ChatError):  # by the connection that it had
        serving.user_directory.count()
    serving.user_directory.count()


@pytest.mark.parametrize(
    ("text", "silent"),
    [
        ("connection timeout expired", True),
        ("no answer within 2 s", True),
        ('connection to server at "10.0.0.1", port 5432 failed: No route to host', True),
        ("Multiple connection attempts failed: a: connection timeout expired, b: Connection refused", False),
        ('connection to server at "127.0.0.1" failed: FATAL:  the database system is starting up', False),
        ("server closed the connection unexpectedly", False),
    ],
)
def test_silence_is_told_from_a_refusal(text: str, silent: bool) -> None:
    assert is_silence(psycopg.OperationalError(text)) is silent


def test_many_waiters_look_again_one_after_the_other(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier_module, "WAKE_SECONDS", 0.3)
    woken: list[float] = []
    waiters = [Waiter([("room", 1)], lambda: woken.append(time.monotonic())) for _ in range(500)]
    for waiter in waiters:
        services.hub.notifier.register(waiter, most=1000)
    services.hub.resync()
    assert all(waiter.recheck for waiter in waiters), "their next look asks the database in any case"
    wait_until(lambda: len(woken) == 500, "all are woken")
    assert woken[-1] - woken[0] > 0.2


@pytest.mark.parametrize("how", ["refuse", "swallow"])
def test_a_bus_stops_at_once_while_the_database_is_away(serving: Services, relay: Relay, how: str) -> None:
    getattr(relay, how)()
    wait_until(lambda: breaker_of(serving).is_open, "it is known")
    bus = serving.bus
    assert isinstance(bus, PostgresBus)
    began = time.monotonic()
    bus.stop()
    assert time.monotonic() - began < 5


def test_a_bus_that_stops_while_the_database_is_away_does_not_connect(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would wait for an answer, at each host of the URL."""
    has_asked = threading.Event()
    connected: list[str] = []

    def is_open(_breaker: Breaker) -> bool:
        has_asked.set()
        return True

    def connect(url: str, **_options: Any) -> psycopg.Connection:
        connected.append(url)
        raise psycopg.OperationalError("no answer")

    monkeypatch.setattr(Breaker, "is_open", property(is_open), raising=False)
    monkeypatch.setattr(bus_module, "connect", connect)
    bus = services.bus
    assert isinstance(bus, PostgresBus)
    bus._thread.start()
    assert has_asked.wait(10)
    bus._thread.stop()
    assert not connected


def test_the_prober_ends_quickly(services: Services) -> None:
    prober = Prober(breaker_of(services), "postgresql://127.0.0.1:1/x", services.hub, None)
    prober.start()
    began = time.monotonic()
    prober.stop()
    assert time.monotonic() - began < 5
