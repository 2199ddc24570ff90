"""Redis beside the database: limits, presence and hints of all processes; and a Redis that is away."""

import contextlib
import logging
import random
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from redis import ResponseError

from chat.backends.redis import buckets as lua
from chat.backends.redis import connections
from chat.backends.redis import hints as hints_module
from chat.backends.redis import link as link_module
from chat.backends.redis.buckets import RedisBuckets
from chat.backends.redis.connections import Patience
from chat.backends.redis.hints import RedisHints
from chat.backends.redis.link import Link
from chat.clock import SECOND
from chat.delivery import Waiter
from chat.errors import ChatError, ErrorCode
from chat.models import Event, EventKind, MessageType, RateLimit, StoredMessage
from chat.ports import SharedAwayError
from chat.security.limits import FAILED_LOGINS, FAILED_LOGINS_BY_ADDRESS, MESSAGES, Limit
from chat.services import Services
from chat.services.buckets import SqlBuckets
from chat.services.messages import Draft
from config import Settings
from instance import check
from setting_parsers import ConfigError
from tests.conftest import FakeClock, settings_at, sign_up
from tests.databases import direct_only, url_of
from tests.real_server import ROOT, free_port, wait_until
from tests.redis import PrivateRedis
from tests.relay import Relay
from tests.sizes import size

FEW = Limit("few", burst=5, seconds=3600)
ANY = (Event(EventKind.USER, 1),)
NOW = 1_700_000_000 * SECOND
ADDRESS = "192.0.2.1"
HINTED_MESSAGES = size(40, 1000)


@pytest.fixture
def server() -> Iterator[PrivateRedis]:
    made = PrivateRedis()
    yield made
    made.stop()


@pytest.fixture
def link(server: PrivateRedis) -> Iterator[Link]:
    made = Link(server.url)
    yield made
    made.close()


@pytest.fixture
def two(server: PrivateRedis, make_services: Callable[..., Services], clock: FakeClock) -> tuple[Services, Services]:
    """Two processes on one database and one Redis, without their threads."""
    one, other = (make_services(clock, redis_url=server.url) for _ in range(2))
    one.rooms.ensure_lobby()
    return one, other


def refusal(job: Callable[[], object]) -> ChatError:
    with pytest.raises(ChatError) as caught:
        job()
    return caught.value


def hear_itself(services: Services) -> None:
    """Start the threads, and wait until hints go through."""
    services.start()
    wait_until(lambda: hints_of(services).is_live, "it hears itself")


def hints_of(services: Services) -> RedisHints:
    assert services._shared is not None
    made = services._shared.hints
    assert isinstance(made, RedisHints)
    return made


# Limits


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


# Away


def test_without_redis_messages_go_on_and_guessing_is_limited_by_the_database(
    server: PrivateRedis, two: tuple[Services, Services]
) -> None:
    one, other = two
    alice = sign_up(one, "alice")
    server.kill()
    for services in two:
        services.messages.send(alice, "public", Draft(text="x"))
    for n in range(FAILED_LOGINS.burst):
        error = refusal(lambda n=n: (one, other)[n % 2].accounts.log_in("alice", "wrong", ADDRESS))  # type: ignore[misc]
        assert error.code is ErrorCode.CREDENTIALS_WRONG
    assert refusal(lambda: other.accounts.log_in("alice", "secret1", ADDRESS)).code is ErrorCode.RATE_LIMITED


def test_a_guess_is_forgiven_where_it_was_counted(server: PrivateRedis, two: tuple[Services, Services]) -> None:
    one, _ = two
    takes = [(FAILED_LOGINS_BY_ADDRESS, ADDRESS, 5)]
    undo = one.limits.take_each(takes)
    server.kill()
    undo()  # it went with Redis
    undo = one.limits.take_each(takes)
    assert not one.limits.is_full(FAILED_LOGINS_BY_ADDRESS, ADDRESS)
    server.start()
    undo()
    assert SqlBuckets(one.store, one.clock).is_full(FAILED_LOGINS_BY_ADDRESS, ADDRESS)


def test_nobody_waits_for_a_redis_that_has_frozen(server: PrivateRedis, link: Link) -> None:
    taken = RedisBuckets(link, "p")
    taken.take([(FEW, "a", 1)])
    server.pause()
    try:
        for most in (0.5, 0.05, 0.05):  # the first one finds out
            began = time.monotonic()
            with pytest.raises(SharedAwayError):
                taken.take([(FEW, "a", 1)])
            assert time.monotonic() - began < most
    finally:
        server.go_on()


def test_nobody_waits_for_the_look_up_of_a_name(server: PrivateRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that is silent holds getaddrinfo for seconds; attempts do not pile up meanwhile."""
    answers = threading.Event()
    asked: list[object] = []
    look_up = socket.getaddrinfo

    def slow(*given: object, **more: object) -> object:
        asked.append(given)
        assert answers.wait(60)
        return look_up(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(connections, "_MOST_LATE", 2)
    relay = Relay(server.url.removeprefix("unix://"))
    link = Link(f"redis://localhost:{relay.port}/0")
    try:
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(SharedAwayError):
                link.attempt(lambda redis: redis.ping())
        assert time.monotonic() - began < 20
        assert len(asked) == 2
        answers.set()
        wait_until(lambda: link._patience._late == 0, "the late attempts have ended")
        assert link.attempt(lambda redis: redis.ping())
    finally:
        link.close()
        relay.stop()


def test_all_waits_of_a_command_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    patience = Patience(0.25)
    with patience.limited():
        assert patience.left() == 0.25
        now += 0.2
        assert patience.left() == pytest.approx(0.05)
        now += 0.2
        assert 0 < patience.left() < 0.01
    assert patience.left() == 0.25


def test_an_absence_is_logged_once_a_minute(
    server: PrivateRedis, link: Link, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.kill()
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            with pytest.raises(SharedAwayError):
                link.attempt(lambda redis: redis.ping())
        assert len(caplog.records) == 1
        monkeypatch.setattr(link_module, "LOG_EVERY_SECONDS", 0.0)
        with pytest.raises(SharedAwayError):
            link.attempt(lambda redis: redis.ping())
        assert len(caplog.records) == 2
        server.start()
        link.attempt(lambda redis: redis.ping())
    assert caplog.messages[-1] == "Redis answers again"
    assert link.run(lambda redis: redis.ping())


# Presence


def online(services: Services) -> bool:
    return bool(services.presence.everybody_online())


def test_presence_is_shared(two: tuple[Services, Services], clock: FakeClock) -> None:
    one, other = two
    alice = sign_up(one, "alice")
    one.presence.wait(alice.session_id, alice.user_id)
    for _ in range(20):
        clock.advance(2)
        one.presence.flush()
        other.presence.flush()
        assert online(other)
    one.presence.wait_ended(alice.session_id)
    clock.advance(25)
    one.presence.flush()
    assert not online(other), "though it was written ahead"


def test_a_logout_ends_presence_in_all_processes(two: tuple[Services, Services], clock: FakeClock) -> None:
    one, other = two
    alice = sign_up(one, "alice")
    one.presence.flush()
    clock.advance(2)
    assert online(other)
    other.sessions.close(alice)
    one.presence.doubt(alice.user_id)  # as the bus does
    one.presence.flush()
    clock.advance(2)
    assert not online(one)
    assert not online(other)


def test_presence_outlasts_an_absence_and_comes_back(
    server: PrivateRedis, two: tuple[Services, Services], clock: FakeClock
) -> None:
    one, other = two
    alice = sign_up(one, "alice")
    one.presence.wait(alice.session_id, alice.user_id)
    one.presence.flush()
    clock.advance(2)
    assert online(other)
    server.kill()
    clock.advance(30)
    one.presence.flush()
    other.presence.flush()
    assert online(one)
    assert online(other), "what was known is kept for a while"
    clock.advance(20)
    assert online(one)
    assert not online(other)
    server.start()
    for services in two:
        assert services._shared is not None
        services._shared.link.attempt(lambda redis: redis.ping())  # type: ignore[attr-defined]
        services.presence.flush()
    clock.advance(2)
    assert online(other), "everything is written again"


def test_expired_sessions_are_removed(server: PrivateRedis, two: tuple[Services, Services], clock: FakeClock) -> None:
    one, _ = two
    for n in range(3):
        sign_up(one, f"pupil{n}")
    one.presence.flush()
    with server.client() as redis:
        (key,) = [key for key in redis.scan_iter() if key.endswith(":online")]
        assert redis.zcard(key) == 3
        clock.advance(120)
        one.presence.flush()
        assert redis.zcard(key) == 0


# Hints


class Ear:
    """The hints of one process."""

    def __init__(self, server: PrivateRedis, prefix: str = "p", secret: str = "") -> None:
        self.link = Link(server.url)
        self.hints = RedisHints(self.link, prefix, secret)
        self.heard = self.failed = 0
        self.events: list[Event] = []
        self.hints.listen(self._hear, self._fail)
        self.hints.start()

    def _hear(self, events: Sequence[Event]) -> None:
        self.heard += 1
        self.events += events

    def _fail(self) -> None:
        self.failed += 1

    def stop(self) -> None:
        self.hints.stop()
        self.link.close()


@pytest.fixture
def ear(server: PrivateRedis) -> Iterator[Callable[..., Ear]]:
    made: list[Ear] = []

    def listen(prefix: str = "p", secret: str = "") -> Ear:
        made.append(Ear(server, prefix, secret))
        wait_until(lambda: made[-1].hints.is_live, "it hears itself")
        return made[-1]

    yield listen
    for each in made:
        each.stop()


def test_a_hint_reaches_the_other_processes_of_the_chat(ear: Callable[..., Ear]) -> None:
    one, other, foreign = ear(), ear(), ear("another chat")
    assert one.heard >= 1, "it looks when it has begun to listen"
    wait_until(lambda: one.hints._has_others and other.hints._has_others, "they know each other")
    time.sleep(0.1)  # the hints by which they greet
    heard, heard_by_other, heard_by_foreign = one.heard, other.heard, foreign.heard
    assert one.hints.send(ANY)
    wait_until(lambda: other.heard == heard_by_other + 1, "it is heard")
    assert (one.heard, foreign.heard) == (heard, heard_by_foreign)
    for _ in range(1000):
        one.hints.send(ANY)
    wait_until(lambda: other.heard > heard_by_other + 1, "bursts are heard")
    time.sleep(0.05)
    assert other.heard - heard_by_other < 50, "as a few"
    assert 0 <= one.hints.lag_seconds < 1


def test_a_hint_brings_messages_of_processes_with_the_same_secret_only(ear: Callable[..., Ear]) -> None:
    """Who only has access to Redis cannot put words into anybody's mouth."""
    message = StoredMessage(1, 1, 5, 1, "a", "a", "", MessageType.TEXT, "x", None, 0, None, None)
    sent = Event(EventKind.MESSAGE, 1, 5, message, 4, rights_version=2)
    one, other, stranger = ear(), ear(), ear(secret="another")
    wait_until(lambda: all(each.hints._has_others for each in (one, other, stranger)), "they know each other")
    heard = stranger.heard
    assert one.hints.send([sent])
    wait_until(lambda: other.events == [sent], "it has come")
    wait_until(lambda: stranger.heard > heard, "it is taken as a wish to look")
    assert stranger.events == []


def test_a_process_that_is_alone_sends_no_hints(
    server: PrivateRedis, ear: Callable[..., Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints_module, "DEAF_AFTER_SECONDS", 1.0)
    monkeypatch.setattr(hints_module, "BEAT_SECONDS", 0.1)
    one = ear()
    with server.client().pubsub() as subscriber:
        subscriber.psubscribe("*")

        others: list[Ear] = []  # they greet

        def told(seconds: float) -> list[str]:
            """The kinds of published messages."""
            end, kinds = time.monotonic() + seconds, []
            while time.monotonic() < end:
                message = subscriber.get_message(ignore_subscribe_messages=True, timeout=0.05)
                kinds += [message["data"][0]] if message else []
                assert not message or kinds[-1] != "b" or others or message["channel"] != "p:hints", "it wakes nobody"
            return kinds

        assert one.hints.send(ANY), "no other way is needed"
        assert set(told(0.3)) == {"b"}
        others.append(ear())
        wait_until(lambda: one.hints._has_others, "it knows the other one")
        told(0.3)
        assert one.hints.send(ANY)
        assert "h" in told(0.3)
        others[0].stop()
        wait_until(lambda: not one.hints._has_others, "it is alone again")
        told(0.1)
        assert one.hints.send(ANY)
        assert set(told(0.3)) == {"b"}


def test_a_deaf_process_says_so_and_listens_again(
    server: PrivateRedis, ear: Callable[..., Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen: no connection breaks, and still nothing is heard."""
    monkeypatch.setattr(hints_module, "DEAF_AFTER_SECONDS", 0.4)
    monkeypatch.setattr(hints_module, "BEAT_SECONDS", 0.1)
    one = ear()
    server.pause()
    try:
        assert one.hints.send(ANY) in (True, False)
        wait_until(lambda: one.failed and not one.hints.is_live, "it has noticed")
        assert not one.hints.send(ANY)
    finally:
        server.go_on()
    heard = one.heard
    wait_until(lambda: one.hints.is_live and one.link.is_up, "it hears itself again")
    assert one.heard > heard, "and looks for what it has missed"


def test_hints_come_back_after_a_restart(server: PrivateRedis, ear: Callable[..., Ear]) -> None:
    one, other = ear(), ear()
    server.kill()
    wait_until(lambda: not (one.hints.is_live or other.hints.is_live), "both notice")
    server.start()
    began = time.monotonic()
    wait_until(lambda: one.hints.is_live and other.hints.is_live, "both are back")
    assert time.monotonic() - began < 6
    heard = other.heard
    assert one.hints.send(ANY)
    wait_until(lambda: other.heard > heard, "hints go through again")


# Settings


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("localhost:6379", "give redis://"),
        ("http://localhost", "give redis://"),
        ("redis://", "give redis://"),
        ("redis://localhost/chat", "database's number"),
        ("redis://localhost:70000", "give redis://"),
        ("unix://", "give redis://"),
    ],
)
def test_a_wrong_url_is_refused(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=r"REDIS_URL=.*: .*" + why):
        Settings.from_environ({"REDIS_URL": url})


def test_a_redis_that_asks_for_a_password_is_told_at_the_start(home: Path) -> None:
    server = PrivateRedis("--requirepass", "right-1")
    try:
        for url in (server.url, server.url.replace("unix://", "unix://:wrong-1@")):
            with pytest.raises(ConfigError, match=r"REDIS_URL=.*asks for a password") as caught:
                check(settings_at(home, redis_url=url))
            assert "wrong-1" not in str(caught.value)
        check(settings_at(home, redis_url=server.url.replace("unix://", "unix://:right-1@")))
    finally:
        server.stop()


def test_a_password_that_redis_does_not_have_is_told_at_the_start(server: PrivateRedis, home: Path) -> None:
    with pytest.raises(ConfigError, match=r"REDIS_URL=.*has no password; leave it out$") as caught:
        check(settings_at(home, redis_url=server.url.replace("unix://", "unix://:wrong-1@")))
    assert "wrong-1" not in str(caught.value)


def test_a_redis_of_a_cluster_is_refused_at_the_start(home: Path) -> None:
    """Its commands are refused for most keys, and go to other servers."""
    port = free_port()
    server = PrivateRedis("--port", str(port), "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    try:
        with pytest.raises(ConfigError, match=r"REDIS_URL=.*Redis as a cluster; give a single server's URL$"):
            check(settings_at(home, redis_url=server.url))
    finally:
        server.stop()


def fill_memory(server: PrivateRedis) -> None:
    with server.client() as redis:
        redis.config_set("maxmemory", 1)


def fill_disk(server: PrivateRedis) -> None:
    """Have it fail to save what it has, after which it takes no writes."""
    server.folder.chmod(0o555)
    with server.client() as redis:
        redis.config_set("save", "3600 1")
        redis.bgsave()
        wait_until(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err", "it cannot save")


@pytest.mark.parametrize("fill", [fill_memory, fill_disk])
def test_a_redis_that_takes_no_writes_stops_no_start(
    server: PrivateRedis, home: Path, caplog: pytest.LogCaptureFixture, fill: Callable[[PrivateRedis], None]
) -> None:
    """The chat goes on without it."""
    fill(server)
    with server.client() as redis, pytest.raises(ResponseError):
        redis.set("x", "y")
    check(settings_at(home, redis_url=server.url))
    (line,) = [record.getMessage() for record in caplog.records]
    assert "The server goes on without" in line


def allow(server: PrivateRedis, without: str = "") -> str:
    """Make the user of docs/redis.md, less one right. Returns its URL."""
    (line,) = [line for line in (ROOT / "docs/redis.md").read_text().splitlines() if line.startswith("ACL SETUSER")]
    words = [word for word in shlex.split(line) if word != without]
    with server.client() as redis:
        redis.execute_command("ACL", "DELUSER", "commonroom")
        redis.execute_command(*words)
    return server.url.replace("unix://", "unix://commonroom:PASSWORD@")


def test_the_documented_user_may_do_all_that_the_chat_does(
    server: PrivateRedis, make_services: Callable[..., Services]
) -> None:
    url = allow(server)
    one, other = (make_services(redis_url=f"{url}?db=1") for _ in range(2))
    one.limits.hold_over_workers()
    for services in (one, other):
        hear_itself(services)
    wait_until(lambda: hints_of(one)._has_others, "they know each other")
    alice = sign_up(one, "alice")
    one.messages.send(alice, "public", Draft(text="x"))
    for _ in range(3):
        one.accounts.log_in("alice", "secret1", ADDRESS)
    undo = one.limits.take_each([(FAILED_LOGINS_BY_ADDRESS, ADDRESS, 900)])
    assert not other.limits.is_full(FAILED_LOGINS_BY_ADDRESS, ADDRESS)
    undo()
    one.presence.flush()
    assert online(other)
    one.sessions.close(alice)
    one.presence.flush()
    with server.client() as redis:
        assert redis.acl_log() == [], "what was refused"
        assert not [key for key in redis.scan_iter() if not key.startswith("commonroom:")]


@pytest.mark.parametrize("right", ["+info", "+pubsub|numsub", "+publish", "+script|load", "~commonroom:*"])
def test_a_user_without_a_right_is_told_at_the_start(server: PrivateRedis, home: Path, right: str) -> None:
    with pytest.raises(ConfigError, match=r"REDIS_URL=.*([Nn]o permissions|NOPERM)"):
        check(settings_at(home, redis_url=allow(server, without=right)))
    check(settings_at(home, redis_url=allow(server)))


def test_other_faults_of_redis_at_the_start(server: PrivateRedis, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError, match="DB index is out of range"):
        check(settings_at(home, redis_url=f"{server.url}?db=99"))
    server.kill()
    check(settings_at(home, redis_url=server.url))
    assert "goes on without" in caplog.text


def run_at_once(jobs: Sequence[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_simultaneous_takers_share_one_bucket(link: Link) -> None:
    taken = RedisBuckets(link, "p")
    results: list[object] = []
    run_at_once([lambda: results.append(taken.take([(FEW, "a", 1)]))] * 20)
    assert sum(result is None for result in results) == FEW.burst


# Events on PostgreSQL


@pytest.fixture
def running(server: PrivateRedis, make_services: Callable[..., Services]) -> tuple[Services, Services]:
    """Two processes with their threads, which hear each other through Redis."""
    one, other = (make_services(redis_url=server.url) for _ in range(2))
    for services in (one, other):
        services.start()
        wait_until(lambda services=services: hints_of(services).is_live, "it hears itself")  # type: ignore[misc]
    return one, other


def seconds_until_heard(sender: Services, reader: Services, text: str) -> float:
    """How long a message takes from one process to a waiter of the other one."""
    alice = sign_up(sender, f"alice {text}")
    bob = sign_up(reader, f"bob {text}")
    woken = threading.Event()
    pull, _ = reader.pulls.since(bob, {"public": sender.clock()}, 10)
    waiter = Waiter(pull.position.keys(bob), woken.set)
    reader.hub.notifier.register(waiter, most=10)
    began = time.monotonic()
    try:
        sender.messages.send(alice, "public", Draft(text=text))
        while True:
            assert woken.wait(10), "the message never came"
            woken.clear()
            if any(entry.content == text for entry in pull.find_again().rooms["public"]):
                return time.monotonic() - began
    finally:
        reader.hub.notifier.unregister(waiter)


@direct_only
@pytest.mark.postgresql_only
def test_events_travel_by_redis_and_without_it_by_notifications(
    server: PrivateRedis, running: tuple[Services, Services], home: Path
) -> None:
    one, other = running
    with psycopg.connect(url_of(home), autocommit=True) as outside:
        outside.execute("LISTEN commonroom")
        assert seconds_until_heard(one, other, "by Redis") < 2
        notified = [each.payload for each in outside.notifies(timeout=0.1)]  # each bus notifies once as it starts
        assert not any("by Redis" in payload for payload in notified), "PostgreSQL is left alone"
        server.kill()
        assert seconds_until_heard(one, other, "without") < 2
        assert list(outside.notifies(timeout=0.1))
    server.start()
    wait_until(lambda: hints_of(one).is_live and hints_of(other).is_live, "both are back")
    assert seconds_until_heard(other, one, "back again") < 2


@pytest.mark.postgresql_only
@pytest.mark.acceptance(5)
def test_lost_doubled_and_late_hints_cost_seconds_only(
    running: tuple[Services, Services], monkeypatch: pytest.MonkeyPatch, figure: Callable[[str], None]
) -> None:
    """Half of the hints are lost, a fifth come twice, all up to 3 s late: each message arrives once, in order."""
    one, other = running
    chance = random.Random(3)
    hear = other._bus._hinted  # type: ignore[attr-defined]

    def worse(events: Sequence[Event]) -> None:
        for _ in range(0 if chance.random() < 0.5 else 2 if chance.random() < 0.2 else 1):
            timer = threading.Timer(chance.uniform(0, 3), hear, [events])
            timer.daemon = True
            timer.start()

    monkeypatch.setattr(hints_of(other), "_heard", worse)
    alice, bob = sign_up(one, "alice"), sign_up(other, "bob")
    subscription = other.subscriptions.open(bob)
    wanted = [str(n) for n in range(HINTED_MESSAGES)]
    sent_at: dict[str, float] = {}
    got: list[str] = []
    latest = 0.0

    def send() -> None:
        for text in wanted:
            sent_at[text] = time.monotonic()
            one.messages.send(alice, "public", Draft(text=text))
            time.sleep(0.06)

    sending = threading.Thread(target=send)
    sending.start()
    deadline = time.monotonic() + 60 + HINTED_MESSAGES / 10
    while len(got) < len(wanted) and time.monotonic() < deadline:
        for message in subscription.find() or ():
            if subscription.take(message):
                got.append(message.content)
                latest = max(latest, time.monotonic() - sent_at[message.content])
        time.sleep(0.02)
    sending.join()
    subscription.close()
    figure(f"{len(wanted)} messages, hints lost, doubled and late: {len(got)} came, the latest after {latest:.2f} s")
    assert got == wanted
    assert latest < 5.5
