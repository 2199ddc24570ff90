"""Two server hosts behind nginx on one PostgreSQL (tests/hosts.py): `make hosts`, and in part test_hosts.py."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import websocket

from tests import hosts as played
from tests.contract.clients import Heard, HttpTransport, PollingClient, Refused, heard_by
from tests.contract.conftest import CLIENTS
from tests.hosts import Hosts, laid_out
from tests.real_server import wait_until

pytestmark = pytest.mark.timeout(600)
LOST = (
    OSError,
    requests.RequestException,
    websocket.WebSocketException,
    EOFError,
    AssertionError,
    KeyError,
    ValueError,
)


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "*")
        with laid_out() as made:
            wait_until(lambda: both_answer(made), f"both hosts answer\n{made.log()}", timeout=90)
            yield made


def both_answer(hosts: Hosts) -> bool:
    def answers(url: str) -> bool:
        try:
            return requests.get(f"{url}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    urls = [f"http://{played.NET}.{n}:8000" for n in (11, 12)]
    return all(map(answers, [*urls, hosts.url]))


def person(hosts: Hosts, kind: Any, name: str) -> Any:
    made = kind(HttpTransport(hosts.url, hosts.tcp_port))
    made.register(name)
    return made


def hear(client: Any, count: int) -> list[Heard]:
    heard: list[Heard] = []
    deadline = time.monotonic() + 60
    while len(heard) < count and time.monotonic() < deadline:
        heard += client.hear("public", timeout=5)
    return heard


def test_clients_of_five_protocols_meet_over_two_hosts(hosts: Hosts) -> None:
    people = [person(hosts, kind, f"meet-{kind.protocol}") for kind in CLIENTS]
    for each in people:
        each.hear("public")

    def speak(each: Any) -> None:
        for n in range(10):
            each.say("public", f"{each.protocol} {n}")

    speakers = [threading.Thread(target=speak, args=(each,)) for each in people]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join(60)
    heard = [hear(each, 10 * (len(people) - ("echo" not in each.can))) for each in people]
    everything = next(mine for each, mine in zip(people, heard, strict=True) if "echo" in each.can)
    assert len(everything) == 10 * len(people)
    for each, mine in zip(people, heard, strict=True):
        assert mine == heard_by(each, everything), each.protocol
        each.close()


class Talk:
    """A sender that repeats until it is acknowledged, and a reader that comes again, each by polling's client."""

    def __init__(self, hosts: Hosts, name: str) -> None:
        self.sender = person(hosts, PollingClient, f"{name}-says")
        self.reader = person(hosts, PollingClient, f"{name}-hears")
        self.reader.hear("public")
        self.acknowledged: list[str] = []
        self.heard: list[str] = []
        self._ends = threading.Event()
        self._name = name
        self._threads = [threading.Thread(target=job) for job in (self._say, self._hear)]
        for thread in self._threads:
            thread.start()

    def _say(self) -> None:
        number = 0
        while not self._ends.is_set():
            text = f"{self._name} {number}"
            try:
                self.sender.say("public", text, client_message_id=text)
            except (*LOST, Refused):
                self._ends.wait(0.2)
                continue
            self.acknowledged.append(text)
            number += 1
            self._ends.wait(0.02)

    def _hear(self) -> None:
        while not self._ends.is_set() or len(self.heard) < len(self.acknowledged):
            try:
                new = self.reader.hear("public", timeout=3)
            except (*LOST, Refused):
                time.sleep(0.2)
                continue
            self.heard += [each.content for each in new if each.content.startswith(f"{self._name} ")]

    def goes_on(self, what: str) -> None:
        count = len(self.acknowledged)
        wait_until(lambda: len(self.acknowledged) > count + 20, f"messages are acknowledged {what}", timeout=60)

    def end(self) -> None:
        """Every acknowledged message arrived once, in order."""
        self._ends.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        # The last one may be stored without its acknowledgement.
        assert self.heard[: len(self.acknowledged)] == self.acknowledged
        assert len(self.heard) <= len(self.acknowledged) + 1


CUTS = ("app1", "app2", "db", "front")


def test_hosts_and_links_that_are_cut_and_come_back_lose_nothing(hosts: Hosts) -> None:
    talk = Talk(hosts, "cuts")
    try:
        talk.goes_on("before the cuts")
        for host in CUTS:
            hosts.cut(host)
            try:
                if host.startswith("app"):
                    talk.goes_on(f"while {host} is away")
                else:
                    time.sleep(10)
            finally:
                hosts.join(host)
            talk.goes_on(f"after {host} came back")
    finally:
        talk.end()


def test_workers_that_are_replaced_one_by_one_lose_nothing(hosts: Hosts) -> None:
    talk = Talk(hosts, "upgrade")
    try:
        for host, server in hosts.servers.items():
            before = set(hosts.workers(host))
            server.send_signal(signal.SIGHUP)
            while before & set(hosts.workers(host)):
                time.sleep(0.1)
            wait_until(lambda: both_answer(hosts), "both answer", timeout=60)
            talk.goes_on(f"after the upgrade of {host}")
    finally:
        talk.end()


def test_a_server_that_dies_and_starts_again_loses_nothing(hosts: Hosts) -> None:
    talk = Talk(hosts, "death")
    try:
        for host in list(hosts.servers):
            for pid in hosts.workers(host):
                os.kill(pid, signal.SIGKILL)
            talk.goes_on(f"after the workers of {host} died")
    finally:
        talk.end()
