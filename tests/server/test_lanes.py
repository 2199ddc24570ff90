"""Expensive work waits in its own lanes, in turns: one client's requests do not delay others."""

import contextlib
import json
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests

from tests.contract.tcp_client import Lines
from tests.processes import allow_descriptors
from tests.raw import Talk, get, post, token_of, wait_until_read
from tests.real_server import Server, wait_until

StartServer = Callable[..., Server]


@pytest.fixture
def live(server: StartServer) -> Server:
    return server(CHAT_RATE_LIMITS="off", CHAT_THREADS="4")


@pytest.fixture
def slow_server(socket_server: Callable[..., Server]) -> Server:
    return socket_server(CHAT_THREADS="4")


@contextlib.contextmanager
def sent_by_many(server: Server, request: bytes, count: int) -> Iterator[list[Talk]]:
    """The request on so many connections, not answered yet."""
    with ExitStack() as stack:
        talks = [stack.enter_context(Talk(server, timeout=60)) for _ in range(count)]
        for talk in talks:
            talk.send(request)
        yield talks


def hold(name: str, seconds: float) -> bytes:
    """A request that keeps a thread of a lane: see tests.server.socket_app."""
    return get(f"/test/lane?lane={name}&seconds={seconds}")


@pytest.mark.parametrize("lane", ["HASHING", "ROOM_PASSWDS", "PICTURES", "LONG", "MAIL"])
def test_a_full_lane_holds_up_nothing_else(slow_server: Server, lane: str) -> None:
    token = token_of(slow_server, "alice")
    with sent_by_many(slow_server, hold(lane, 2), 8) as talks, Talk(slow_server) as alice:
        began = time.monotonic()
        for _ in range(5):
            assert alice.ask(get("/user/me", f"Authorization: {token}")).status == 200
            assert alice.ask(get("/healthz")).status == 200
        assert time.monotonic() - began < 1.5
        del talks


def test_health_is_answered_while_no_thread_is_free(slow_server: Server) -> None:
    with sent_by_many(slow_server, hold("REST", 2), 8), Talk(slow_server) as probe:
        began = time.monotonic()
        answer = probe.ask(get("/healthz"))
        assert (answer.status, json.loads(answer.body)["status"]) == (200, "ok")
        assert probe.ask(get("/healthz?x=1")).status == 200
        assert time.monotonic() - began < 1.5


def test_clients_take_turns_by_user_regardless_of_requests(slow_server: Server) -> None:
    """A hundred of alice's requests, each with a new invalid cookie, delay bob by one turn."""
    alice, bob = token_of(slow_server, "alice"), token_of(slow_server, "bob")
    done: list[str] = []

    def ask(name: str, token: str, number: int) -> None:
        headers = {"Authorization": token, "Cookie": f"commonroom={number}.a.b"}
        url = f"{slow_server.url}/test/lane?lane=ROOM_PASSWDS&seconds=0.03"
        assert requests.get(url, headers=headers, timeout=60).status_code == 200
        done.append(name)

    threads = [threading.Thread(target=ask, args=("alice", alice, number)) for number in range(30)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(done) >= 3, "alice's are worked on")
    at = len(done)
    ask("bob", bob, 0)
    assert done.index("bob") - at < 10, "others of alice's went first only while bob's was on its way"
    for thread in threads:
        thread.join()
    assert Counter(done) == {"alice": 30, "bob": 1}


def test_a_full_queue_is_told_in_the_protocols_envelope(slow_server: Server) -> None:
    """HASHING runs two jobs and queues 500."""
    allow_descriptors(8192)
    credentials = {"username": "carol", "password": "secret1"}
    with Lines(slow_server.tcp_port) as client:
        assert client.ask("register_request", **credentials)["success"]
        with sent_by_many(slow_server, hold("HASHING", 30), 503) as talks:
            poll = select.poll()
            for talk in talks:
                poll.register(talk.socket, select.POLLIN)
            assert len(poll.poll(20_000)) == 1, "one is too many"
            reply = requests.post(f"{slow_server.url}/user/login", json=credentials, timeout=4)
            assert (reply.status_code, reply.headers["Retry-After"]) == (503, "2")
            assert reply.json()["status"] == "failure"
            reply = requests.post(f"{slow_server.url}/login", json=credentials, timeout=4)
            assert (reply.status_code, reply.json()["code"]) == (503, 1)
            assert client.refused("login_request", **credentials) == 1009
            assert client.ask("heartbeat")["message_type"] == "heartbeat"
            for talk in talks:
                talk.reset()
            requests.get(f"{slow_server.url}/test/release", timeout=5)
        wait_until(lambda: logs_in(client, credentials), "those that hung up are passed over")


def logs_in(client: Lines, credentials: dict[str, str]) -> bool:
    """Whether the queue has space again."""
    client.send("login_request", **credentials)
    return bool(client.next()["message_type"] == "login_response")


def test_right_log_ins_do_not_hold_up_a_send(live: Server) -> None:
    token = token_of(live, "alice")
    login = post("/user/login", b'{"username":"alice","password":"secret1"}')
    with sent_by_many(live, login, 100) as talks, Talk(live) as alice:
        began = time.monotonic()
        send = b'{"roomname":"public","new_message":{"type":"text","content":"hello"}}'
        for _ in range(5):
            assert alice.ask(post("/chat/send", send, f"Authorization: {token}")).status == 200
        assert time.monotonic() - began < 3
        assert all(talk.answer().status == 200 for talk in talks)


def test_a_stop_answers_requests_queued_in_lanes(slow_server: Server) -> None:
    with sent_by_many(slow_server, hold("LONG", 0.1), 10) as talks:
        wait_until_read(slow_server)
        assert slow_server.stop() == 0
        assert all(talk.answer().status == 200 for talk in talks)
