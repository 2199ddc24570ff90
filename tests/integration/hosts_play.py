"""Two server hosts behind nginx on PostgreSQL and Redis (tests/hosts.py): `make hosts`, and in part test_hosts.py."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests import hosts as played
from tests.contract.clients import Heard, HttpTransport, PollingClient, Reply, heard_by
from tests.contract.conftest import CLIENTS
from tests.hosts import Hosts, laid_out
from tests.integration.talking import Talk, both_answer, person
from tests.real_server import wait_until

pytestmark = [pytest.mark.timeout(600), pytest.mark.acceptance(9)]


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "*")
        with laid_out() as made:
            wait_until(lambda: both_answer(made), f"both hosts answer\n{made.log()}", timeout=90)
            yield made


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


def test_a_redis_that_dies_and_starts_again_loses_nothing(hosts: Hosts) -> None:
    talk = Talk(hosts, "redis")
    try:
        assert hosts.redis is not None
        hosts.redis.kill()
        hosts.redis.wait()
        talk.goes_on("without Redis")
        hosts.start_redis()
        talk.goes_on("with Redis again")
    finally:
        talk.end()


def test_an_account_disabled_at_one_host_is_out_at_the_other(hosts: Hosts) -> None:
    pupil = PollingClient(HttpTransport(f"http://{played.NET}.12:8000"))
    pupil.register("disabled")
    while pupil.hear("public"):  # what the others said: a pull waits for news only
        pass
    answers: list[Reply] = []
    body = json.dumps(pupil.cursors).encode()

    def wait() -> None:
        while not answers or answers[-1].status == 200:  # a busy machine takes longer for the command than for a pull
            answers.append(pupil.transport.request("POST", "/chat/pull?timeout=30", body, {}))

    pull = threading.Thread(target=wait)
    pull.start()
    hosts.flask("app1", "chat", "disable", "disabled")
    began = time.monotonic()
    pull.join(60)
    assert time.monotonic() - began < 6
    assert answers[-1].status == 401
    assert pupil.call("GET", "/user/me").status == 401
