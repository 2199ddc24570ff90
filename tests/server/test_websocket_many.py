"""Sockets that do not read or answer, and a thousand of them, do not affect others."""

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import requests

from chat.server import heartbeat
from tests.processes import allow_descriptors, resting_sockets_of, rss_of, sockets_of, threads_of
from tests.raw import Talk, get, post, token_of
from tests.real_server import Server, wait_until
from tests.server.websocket import HANDSHAKE, PING, TEXT, Socket, frame

StartServer = Callable[..., Server]
MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def _descriptors() -> None:
    allow_descriptors(8192)


@pytest.fixture
def live(socket_server: StartServer) -> Server:
    return socket_server(CHAT_RATE_LIMITS="off")


def say(talk: Talk, token: str, text: str) -> None:
    """On a connection that stays: with one of its own, a request takes several times as much CPU."""
    body = {"roomname": "public", "new_message": {"type": "text", "content": text}}
    reply = talk.ask(post("/chat/send", json.dumps(body).encode(), f"Authorization: {token}"))
    assert reply.status == 200, reply.body


def test_a_client_with_1_mib_unread_is_dropped_and_delays_no_other_client(live: Server) -> None:
    token = token_of(live, "alice")
    (worker,) = live.worker_pids()
    memory = rss_of(worker)
    with ExitStack() as stack:
        deaf = [stack.enter_context(Socket(live, token, receive_buffer=4096)) for _ in range(10)]
        listening = stack.enter_context(Socket(live, token))
        talk = stack.enter_context(Talk(live))
        before = resting_sockets_of(worker)
        text = "x" * 4000
        slowest, sent = 0.0, 0
        while sockets_of(worker) > before - 10:
            assert sent < 3000, "they are still there"
            began = time.monotonic()
            say(talk, token, f"{sent} {text}"[:4000])
            assert listening.json()["text"].startswith(f"{sent} ")
            slowest = max(slowest, time.monotonic() - began)
            sent += 1
            assert rss_of(worker) - memory < 60 * MIB
        assert slowest < 1
        assert sent * 4000 > MIB, "not before 1 MiB waits"
        # One that begins to read now finds some of it, and that it was closed.
        assert deaf[0].socket.recv(100).startswith(b"\x81")


def test_a_late_reader_gets_pending_data_and_the_close_reason(socket_server: StartServer) -> None:
    """The close frame follows the pending data, and there is a moment to read it."""
    live = socket_server(CHAT_RATE_LIMITS="off", CHAT_MESSAGE_MAX_CHARS="100000")
    token = token_of(live, "alice")
    with Socket(live, token) as slow, Talk(live) as talk:
        sent = 0
        while talk.ask(get("/test/counts")).json()["waiting"]:
            assert sent < 300, "it is still there"
            say(talk, token, f"{sent} {'x' * 90_000}")
            sent += 1
        texts, code = slow.until_close()
        assert code == 1013
        numbers = [int(text["text"].split()[0]) for text in texts]
        assert numbers == list(range(len(numbers)))
        assert sent - 3 <= len(numbers) <= sent


def test_a_long_answer_may_be_more_than_1_mib_and_requests_wait_for_the_reader(live: Server) -> None:
    token = token_of(live, "alice")
    with Socket(live, token, receive_buffer=4096) as ws:
        for n in range(5):
            ws.say(flood=[40, 50_000])
            ws.say(echo=n)
        time.sleep(0.5)
        for n in range(5):
            for _ in range(40):
                assert len(ws.json()["x"]) == 50_000
            assert ws.json() == {"echo": n}


def test_a_client_that_sends_without_reading_is_not_read(live: Server) -> None:
    token = token_of(live, "alice")
    (worker,) = live.worker_pids()
    with Socket(live, token, receive_buffer=4096) as ws, Socket(live, token) as other:
        memory = rss_of(worker)
        ws.socket.settimeout(1)
        message = frame(TEXT, json.dumps({"echo": "x" * 60_000}))
        with pytest.raises(TimeoutError):
            ws.send(message * 2000)
        other.say(echo="on")
        assert other.json() == {"echo": "on"}
        assert rss_of(worker) - memory < 12 * MIB


def test_a_client_far_behind_catches_up_from_the_database(live: Server) -> None:
    """The client is busy with its own request until memory no longer holds the missed messages."""
    token = token_of(live, "alice")
    with Socket(live, token) as ws:
        ws.say(slow=4, n=1)
        assert ws.json() == {"begun": 1}
        with Socket(live, token) as writer:
            for n in range(600):
                writer.say(send=["public", f"{n}"])
            assert [writer.json()["text"] for _ in range(600)] == [f"{n}" for n in range(600)]
        assert ws.json() == {"slow": 1}
        assert [ws.json()["text"] for _ in range(600)] == [f"{n}" for n in range(600)]


def test_a_thousand_sockets(live: Server) -> None:
    token = token_of(live, "alice")
    (worker,) = live.worker_pids()
    before = resting_sockets_of(worker)
    with ExitStack() as stack:
        sockets = [stack.enter_context(Socket(live, token)) for _ in range(1000)]
        assert requests.get(f"{live.url}/healthz", timeout=10).status_code == 200
        assert threads_of(worker) < 40
        with Talk(live) as talk:
            say(talk, token, "to all 1000")
        began = time.monotonic()
        assert {ws.json()["text"] for ws in sockets} == {"to all 1000"}
        assert time.monotonic() - began < 3
        requests.post(f"{live.url}/user/logout", headers={"Authorization": token}, timeout=30)
        assert {ws.until_close()[1] for ws in sockets} == {1008}
    wait_until(lambda: sockets_of(worker) <= before + 1, "no socket is left over", 10)
    assert "Traceback" not in live.log.read_text()


def test_500_unfinished_handshakes_and_silent_sockets_delay_no_other_client(live: Server) -> None:
    token = token_of(live, "alice")
    shake = get("/test/ws", *HANDSHAKE, f"Authorization: {token}")
    (worker,) = live.worker_pids()
    with ExitStack() as stack:
        for n in range(500):
            talk = stack.enter_context(Talk(live))
            talk.send(shake[:-10] if n % 2 else shake + b"\x81")
        with Socket(live, token) as ws:
            for n in range(5):
                began = time.monotonic()
                ws.say(echo=n)
                assert ws.json() == {"echo": n}
                assert time.monotonic() - began < 1
        assert threads_of(worker) < 40


def test_clients_that_do_not_answer_pings_are_dropped_within_60_s(socket_server: StartServer) -> None:
    """On a server with timeouts five times as short."""
    assert (heartbeat.PING_SECONDS, heartbeat.DEAD_SECONDS) == (25, 55)
    live = socket_server(app="tests.server.socket_app:create_impatient()", CHAT_RATE_LIMITS="off")
    token = token_of(live, "alice")
    (worker,) = live.worker_pids()
    with Socket(live, token, timeout=30) as dead, Socket(live, token) as living:
        before = resting_sockets_of(worker)
        began = time.monotonic()
        assert dead.next(pings=True).opcode == PING
        assert 1.6 < time.monotonic() - began < 5.4
        living.socket.settimeout(0.6)
        pings = 0
        while sockets_of(worker) == before:
            assert time.monotonic() - began < 12.2, "it is still there"
            try:
                got = living.next(pings=True)
            except TimeoutError:
                continue
            assert got.opcode == PING
            pings += 1
            living.send(frame(10, got.payload))
        assert time.monotonic() - began > 10
        assert 2 <= pings <= 3
        living.say(echo="alive")
        living.socket.settimeout(5)
        assert living.json() == {"echo": "alive"}
        dead.socket.shutdown(socket.SHUT_WR)
