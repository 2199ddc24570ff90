"""Check 8: PostgreSQL stopped, behind a cut link, and failing over to a standby, while people chat over two servers."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.crowd import Answer, Crowd, ask
from tests.clusters import DATABASE, Cluster, clusters
from tests.contract.clients import HttpTransport, PollingClient
from tests.contract.realtime_client import Closed, RealtimeClient
from tests.databases import URL_FILE, migrate
from tests.real_server import Server, wait_until
from tests.relay import Relay

pytestmark = [pytest.mark.postgresql_only, pytest.mark.acceptance(8)]
SYNCHRONOUS = {"synchronous_standby_names": "*"}


@pytest.fixture
def pair() -> Iterator[list[Cluster]]:
    """A primary that runs, with an empty database, and a server that is to follow it."""
    with clusters(2) as made:
        made[0].initialise()
        made[0].start()
        made[0].query(f"CREATE DATABASE {DATABASE}")
        yield made


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Callable[..., list[Server]]]:
    """Start two servers on the database of a URL, or each on its own one."""
    started: list[Server] = []

    def start(*urls: str) -> list[Server]:
        migrate(urls[0])
        for number in range(2):
            home = tmp_path / f"host {number}"
            home.mkdir()
            (home / URL_FILE).write_text(urls[number % len(urls)])
            started.append(Server(home, env={"CHAT_RATE_LIMITS": "off"}))
            started[-1].start()
        return started

    yield start
    for each in started:
        each.kill()


class Outage:
    """An outage of the database during a conversation, as seen by the clients."""

    def __init__(self, crowd: Crowd, goes: Callable[[], None], comes: Callable[[], object], seconds: float) -> None:
        self._crowd = crowd
        try:
            crowd.goes_on("before")
            self._began = time.monotonic()
            goes()
            time.sleep(seconds)
            comes()
            self._ended = time.monotonic()
            crowd.goes_on("afterwards")
        finally:
            crowd.end()

    def check(self, figure: Callable[[str], None], what: str) -> None:
        refused = [answer for answer in self._crowd.sends if answer.status != 200]
        known = [answer for answer in refused if self._began + 3.5 < answer.began and answer.ended < self._ended]
        first = max(answer.seconds for answer in refused)
        then = max(answer.seconds for answer in known)
        back = min(answer.ended for answer in self._crowd.sends
                   if answer.status == 200 and answer.began > self._ended) - self._ended  # fmt: skip
        early = self._crowd.answered_early(self._began, self._ended)
        closed = sum(each.was_closed for each in self._crowd.sockets)
        figure(
            f"{what}: {len(refused)} sends refused, the first within {first:.2f} s, once it is known within"
            f" {then * 1000:.0f} ms; sends again {back:.1f} s after it was back; {len(early)} pulls answered early,"
            f" {closed} sockets closed"
        )
        assert {answer.status for answer in refused} == {503}
        assert first < 3
        assert then < 0.05
        assert not early
        assert closed == 0

    def check_stored(self, cluster: Cluster) -> None:
        """Every acknowledged message is stored, once."""
        rows = cluster.query("SELECT content, count(*) FROM messages GROUP BY content", DATABASE)
        assert {count for _, count in rows} == {1}
        assert set(self._crowd.acknowledged) <= {content for content, _ in rows}


def test_a_server_that_crashes_and_starts_again(
    pair: list[Cluster], servers: Callable[..., list[Server]], figure: Callable[[str], None]
) -> None:
    primary = pair[0]
    crowd = Crowd(servers(f"postgresql://postgres@127.0.0.1:{primary.port}/{DATABASE}"))
    outage = Outage(crowd, primary.stop, primary.start, seconds=5)
    outage.check(figure, "immediate stop for 5 s")
    outage.check_stored(primary)


def test_a_link_that_is_cut(
    pair: list[Cluster], servers: Callable[..., list[Server]], figure: Callable[[str], None]
) -> None:
    relay = Relay(pair[0].address)
    try:
        crowd = Crowd(servers(f"postgresql://postgres@127.0.0.1:{relay.port}/{DATABASE}"))
        outage = Outage(crowd, relay.swallow, relay.pass_on, seconds=10)
    finally:
        relay.stop()
    outage.check(figure, "link cut for 10 s")
    outage.check_stored(pair[0])


def test_a_host_that_is_cut_off_alone_sends_its_clients_elsewhere(
    pair: list[Cluster], servers: Callable[..., list[Server]], figure: Callable[[str], None]
) -> None:
    relay = Relay(pair[0].address)
    answers: list[Answer] = []
    try:
        cut, well = servers(
            *(f"postgresql://postgres@127.0.0.1:{port}/{DATABASE}" for port in (relay.port, pair[0].port))
        )
        puller, sender = PollingClient(HttpTransport(cut.url)), PollingClient(HttpTransport(well.url))
        puller.register("puller")
        sender.register("sender")
        listener = RealtimeClient(HttpTransport(cut.url))
        listener.register("listener")
        pull = threading.Thread(target=lambda: answers.append(ask(puller, "/chat/pull?timeout=40", {"public": ""})[0]))
        pull.start()
        wait_until(lambda: listener.entered["public"].socket.until_quiet() == [], "the pull is held")
        began = time.monotonic()
        relay.swallow()
        with pytest.raises(Closed) as closed:
            listener.entered["public"].socket.next(timeout=30)
        seconds = time.monotonic() - began
        pull.join(30)
        listener.close()
        sender.say("public", "the other host goes on")
    finally:
        relay.stop()
    (answer,) = answers
    figure(
        f"one host's link cut: its socket was closed ({closed.value.code}) after {seconds:.1f} s, its held pull was"
        f" answered {answer.status} after {answer.ended - began:.1f} s; the other host went on"
    )
    assert (closed.value.code, answer.status) == (1013, 503)
    assert 9 < seconds < 15
    assert 9 < answer.ended - began < 15


def test_a_fail_over_to_a_synchronous_standby(
    pair: list[Cluster], servers: Callable[..., list[Server]], figure: Callable[[str], None]
) -> None:
    primary, standby = pair
    standby.follow(primary)
    standby.start()
    primary.stop()
    primary.start(**SYNCHRONOUS)
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    crowd = Crowd(servers(f"postgresql://postgres@{hosts}/{DATABASE}?target_session_attrs=read-write"))
    assert primary.query("SELECT sync_state FROM pg_stat_replication") == [("sync",)]
    outage = Outage(crowd, primary.stop, lambda: standby.query("SELECT pg_promote()"), seconds=5)
    outage.check(figure, "fail-over, promoted after 5 s")
    outage.check_stored(standby)
