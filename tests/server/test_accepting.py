"""Workers that take connections one after the other: at low load one has all clients, and the others are in reserve."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from tests.processes import clients_of
from tests.raw import Talk, answer, get, open_pull, pull, token_of, wait_until_read
from tests.real_server import Server, wait_until

StartServer = Callable[..., Server]


@pytest.fixture
def start(server: StartServer) -> StartServer:
    """Start servers whose workers fill up one after the other, as they do for users."""
    return lambda percent=100, **settings: server(
        CHAT_WORKER_BUSY_PERCENT=str(percent), GUNICORN_CMD_ARGS="--log-level=info", **settings
    )


def taker_and_others(live: Server) -> tuple[int, list[int]]:
    """The worker that has clients, and those that have none."""
    by_clients = {pid: clients_of(pid, live.port) for pid in live.worker_pids()}
    taker = max(by_clients, key=lambda pid: by_clients[pid])
    others = [pid for pid in by_clients if pid != taker]
    return taker, others


def wait_for_rest(live: Server, pids: list[int]) -> None:
    """Until they are in reserve."""

    def is_in_reserve(pid: int) -> bool:
        said = [line for line in live.log.read_text().splitlines() if f"[{pid}] [INFO]" in line]
        return bool(said) and said[-1].endswith("in reserve")

    wait_until(lambda: all(map(is_in_reserve, pids)), "they are in reserve", 30)


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def say(live: Server, token: str, text: str) -> int:
    body = {"roomname": "public", "new_message": {"type": "text", "content": text}}
    return requests.post(f"{live.url}/chat/send", json=body, headers={"Authorization": token}, timeout=30).status_code


def read(live: Server, token: str) -> tuple[list[str], str]:
    """The room's texts, and the cursor after them."""
    reply = requests.get(f"{live.url}/chat/pull", headers={"Authorization": token}, timeout=30)
    assert reply.status_code == 200, reply.text
    messages = reply.json()["public"]
    return [message["content"] for message in messages], messages[-1]["timestamp"]


def test_at_low_load_one_worker_has_all_clients(start: StartServer) -> None:
    live = start(workers=3)
    token = token_of(live, "alice")
    for _ in range(10):
        pulls = [open_pull(live, token, {"public": ""}) for _ in range(30)]
        wait_until_read(live)
        taker, others = taker_and_others(live)
        if clients_of(taker, live.port) == 30:
            break
        for connection in pulls:  # on a busy machine the first worker may not be awake in time
            connection.close()
        time.sleep(2)
    wait_for_rest(live, others)
    assert say(live, token, "all at one") == 200
    for connection in pulls:
        assert [message["content"] for message in answer(connection)[1]["public"]] == ["all at one"]
        connection.close()


@pytest.mark.parametrize("signal_sent", [signal.SIGKILL, signal.SIGSTOP], ids=["dies", "is stuck"])
def test_a_worker_in_reserve_takes_over(start: StartServer, signal_sent: signal.Signals) -> None:
    live = start(workers=2)
    token = token_of(live, "alice")
    idle = Talk(live)
    wait_until_read(live)
    taker, others = taker_and_others(live)
    wait_for_rest(live, others)
    assert say(live, token, "before") == 200
    os.kill(taker, signal_sent)
    try:
        began = time.monotonic()
        assert say(live, token, "after") == 200  # a connection of its own
        assert time.monotonic() - began < 5
        assert read(live, token)[0] == ["before", "after"]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(taker, signal.SIGCONT)
    idle.close()


def test_a_worker_that_was_in_reserve_knows_what_happened_meanwhile(start: StartServer) -> None:
    live = start(workers=2)
    token, other_token = token_of(live, "alice"), token_of(live, "bob")
    anchor = Talk(live)  # the first worker has a client throughout
    wait_until_read(live)
    taker, (other,) = taker_and_others(live)
    with stopped(taker):  # the other one gets to know both sessions and the room
        assert say(live, token, "one") == 200
        assert read(live, other_token)[0] == ["one"]
    wait_for_rest(live, [other])
    assert say(live, token, "two") == 200
    assert requests.post(f"{live.url}/user/logout", headers={"Authorization": token}, timeout=30).status_code == 200
    wait_until_read(live)
    with stopped(taker):
        assert say(live, token, "no longer") == 401
        texts, cursor = read(live, other_token)
        assert texts == ["one", "two"]
        waiting = open_pull(live, other_token, {"public": cursor})
        wait_until_read(live)
    token = token_of(live, "carol")
    assert say(live, token, "three") == 200  # by the first worker or the other: both hear of it
    assert [message["content"] for message in answer(waiting)[1]["public"]] == ["three"]
    waiting.close()
    anchor.close()


def test_a_busy_worker_hands_clients_over(start: StartServer) -> None:
    live = start(percent=5, workers=2, CHAT_RATE_LIMITS="off")
    token = token_of(live, "alice")
    talks = [Talk(live)]
    wait_until_read(live)
    _, (other,) = taker_and_others(live)
    with stopped(other):
        talks += [Talk(live) for _ in range(119)]  # of 2,000: more than 5 %
        wait_until_read(live)
    assert clients_of(other, live.port) == 0
    cursor = ""
    moved = 0

    def everybody_hears(number: int) -> None:
        nonlocal cursor, moved
        for talk in talks:
            talk.send(pull(token, {"public": cursor}, timeout=20))
        wait_until_read(live)
        time.sleep(0.3)
        assert say(live, token, f"round {number}") == 200
        for index, talk in enumerate(talks):
            got = talk.answer()
            assert got.status == 200
            assert [message["content"] for message in got.json()["public"]] == [f"round {number}"]
            latest = got.json()["public"][-1]["timestamp"]
            if got.headers.get("connection") == "close":
                talk.close()
                talks[index] = Talk(live)
                moved += 1
        cursor = latest

    deadline = time.monotonic() + 40
    number = 0
    while clients_of(other, live.port) < 10:
        assert time.monotonic() < deadline, f"{moved} clients were handed over"
        everybody_hears(number)
        number += 1
    assert moved >= 10
    for talk in talks:
        assert talk.ask(get("/user/me", f"Authorization: {token}")).status == 200
        talk.close()


def test_few_clients_are_gathered_at_one_worker(start: StartServer) -> None:
    live = start(workers=2, CHAT_RATE_LIMITS="off")
    token = token_of(live, "alice")
    anchors = [Talk(live) for _ in range(3)]
    wait_until_read(live)
    taker, (other,) = taker_and_others(live)
    with stopped(taker):
        talk = Talk(live)
        talk.send(pull(token, {"public": ""}, timeout=40))
        wait_until(lambda: clients_of(other, live.port) == 1, "another worker has accepted it")
    number = 0
    cursor = ""
    while True:
        assert number < 30, "it is not handed over"
        time.sleep(0.5)
        assert say(live, token, f"round {number}") == 200
        got = talk.answer()
        assert [message["content"] for message in got.json()["public"]] == [f"round {number}"]
        cursor = got.json()["public"][-1]["timestamp"]
        if got.headers.get("connection") == "close":
            break
        talk.send(pull(token, {"public": cursor}, timeout=40))
        number += 1
    talk.close()
    wait_for_rest(live, [other])
    for anchor in anchors:  # not before: which worker goes into reserve depends on its clients
        anchor.close()


def test_clients_are_divided_by_the_kernel_if_that_is_set(start: StartServer) -> None:
    live = start(percent=0, workers=2)
    time.sleep(8)  # longer than a worker without clients waits before it goes into reserve
    assert "in reserve" not in live.log.read_text()
