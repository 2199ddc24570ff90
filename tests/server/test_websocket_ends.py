"""Sockets that end: rights that end, stopping, and dying."""

import itertools
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import FakeClock, services_of
from tests.processes import spread
from tests.raw import Talk, get, token_of
from tests.real_server import Server, wait_until
from tests.server.socket_calls import counts, online, post, pushed, say
from tests.server.websocket import HANDSHAKE, PING, TEXT, Socket, close, frame

StartServer = Callable[..., Server]


@pytest.fixture
def live(socket_server: StartServer) -> Server:
    return socket_server(CHAT_RATE_LIMITS="off")


def test_a_failed_subscription_closes_the_socket(live: Server) -> None:
    with Socket(live, token_of(live, "alice"), path="/test/ws?room=999", hello=False) as ws:
        assert ws.until_close() == ([{"error": "ROOM_NOT_FOUND"}], 1008)


def test_the_one_room_followed_ends_with_the_membership(live: Server) -> None:
    alice, bob = token_of(live, "alice"), token_of(live, "bob")
    with Socket(live, bob, path="/test/ws?room=1") as b, Socket(live, alice, path="/test/ws?room=1") as a:
        assert b.json() == {"entered": "alice"}
        assert a.is_silent(0.1), "nobody is told of themselves"
        post(live, "/room/create", bob, {"roomname": "club"})
        say(live, bob, "club", "not followed")
        post(live, "/room/leave", bob, {"roomname": "public"})
        assert b.until_close() == ([{"ended": "ROOM_NOT_FOUND"}], 1008)
        assert a.json() == {"left": "bob"}
    with Socket(live, bob, path="/test/ws?room=1", hello=False) as refused:
        assert refused.json() == {"error": "ROOM_NOT_FOUND"}


def test_a_deleted_room(live: Server) -> None:
    alice, bob = token_of(live, "alice"), token_of(live, "bob")
    post(live, "/room/create", alice, {"roomname": "club"})
    post(live, "/room/join", bob, {"roomname": "club"})
    with Socket(live, bob) as all_, Socket(live, bob, path="/test/ws?room=2") as one:
        post(live, "/room/delete", alice, {"roomname": "club"})
        assert one.until_close()[1] == 1008
        say(live, alice, "public", "on")
        assert pushed(all_, 1) == ["on"]


@pytest.mark.parametrize("workers", [1, 3])
def test_logging_out_closes_all_sockets_of_the_session(socket_server: StartServer, workers: int) -> None:
    live = socket_server(workers=workers)
    alice = token_of(live, "alice")
    again = requests.post(f"{live.url}/user/login", json={"username": "alice", "password": "secret1"}, timeout=30)
    other = next(iter(again.cookies.values()))
    with ExitStack() as stack:
        sockets = [stack.enter_context(Socket(live, alice)) for _ in range(6)]
        kept = stack.enter_context(Socket(live, other))
        began = time.monotonic()
        post(live, "/user/logout", alice)
        for ws in sockets:
            assert ws.until_close() == ([{"ended": "NOT_SIGNED_IN"}], 1008)
        assert time.monotonic() - began < 2
        kept.say(echo="still here")
        assert kept.json() == {"echo": "still here"}


def test_nothing_is_handled_after_the_logout_was_answered(live: Server) -> None:
    for n in range(10):
        token = token_of(live, f"pupil {n}")
        with Socket(live, token) as ws:
            post(live, "/user/logout", token)
            ws.say(send=["public", "too late"])
            texts, code = ws.until_close()
            assert (code, [text for text in texts if "ended" not in text]) == (1008, [])


def test_a_new_password_closes_them_too(live: Server, make_app: Callable[..., Any]) -> None:
    with Socket(live, token_of(live, "alice")) as ws:
        services_of(make_app()).accounts.set_password("alice", "new password")  # another process, in effect
        assert ws.until_close()[1] == 1008


def test_a_socket_ends_with_the_lifetime_of_its_session(socket_server: StartServer) -> None:
    live = socket_server(CHAT_SESSION_HOURS="0.001")
    began = time.monotonic()
    with Socket(live, token_of(live, "alice")) as ws:
        assert ws.until_close()[1] == 1008
        assert 2.5 < time.monotonic() - began < 8


def test_a_missed_deadline_closes_the_socket(live: Server) -> None:
    with Socket(live, token_of(live, "alice")) as ws:
        ws.say(close_in=60)
        ws.say(close_in=0.3)
        began = time.monotonic()
        assert ws.until_close()[1] == 1008
        assert 0.2 < time.monotonic() - began < 2


def test_presence_counts_sockets_in_all_processes(socket_server: StartServer) -> None:
    live = socket_server(workers=2, CHAT_PRESENCE_SECONDS="1")
    alice, bob = token_of(live, "alice"), token_of(live, "bob")
    with Socket(live, bob), Socket(live, bob) as second:
        time.sleep(2)
        for _ in range(8):
            wait_until(lambda: "bob" in online(live, alice), "bob is online everywhere", 6)
        second.socket.close()
        time.sleep(2)
        assert all("bob" in online(live, alice) for _ in range(6)), "by his first socket"
    wait_until(lambda: not any("bob" in online(live, alice) for _ in range(6)), "bob is offline everywhere", 8)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_stopping_says_1001(live: Server, how: signal.Signals) -> None:
    token = token_of(live, "alice")
    with Socket(live, token) as polite, Socket(live, token) as rude, Socket(live, token) as busy:
        busy.say(slow=0.7, n=1)
        busy.say(echo="not begun")
        assert busy.json() == {"begun": 1}
        began = time.monotonic()
        live.signal(how)
        assert polite.until_close() == ([], 1001)
        polite.send(close(1001))
        assert rude.until_close() == ([], 1001)
        assert busy.until_close() == ([{"slow": 1}], 1001), "what is being handled is answered"
        assert live.wait() == 0
        assert time.monotonic() - began < 9, "it is not gunicorn that ended it, after 10 s"
    assert "Traceback" not in live.log.read_text()


def test_stopping_during_handshakes(live: Server) -> None:
    token = token_of(live, "alice")
    shake = get("/test/ws", *HANDSHAKE, f"Authorization: {token}")
    with ExitStack() as stack:
        half = [stack.enter_context(Talk(live)) for _ in range(50)]
        whole = [stack.enter_context(Talk(live)) for _ in range(50)]
        for talk in half:
            talk.send(shake[:-5])
        for talk in whole:
            talk.send(shake)
        live.signal(signal.SIGTERM)
        assert live.wait(20) == 0
        for talk in whole:
            said = talk.rest()
            # Answered and closed as it should be, refused, or never taken up.
            assert said == b"" or said.startswith((b"HTTP/1.1 101", b"HTTP/1.1 503")), said
            if said.startswith(b"HTTP/1.1 101"):
                assert said.endswith(b"\x03\xe9the server stops")
    assert "Traceback" not in live.log.read_text()


def test_clients_that_are_gone_before_the_handshake_is_answered(live: Server) -> None:
    token = token_of(live, "alice")
    shake = get("/test/ws", *HANDSHAKE, f"Authorization: {token}")
    for n in range(60):
        talk = Talk(live)
        talk.send(shake + frame(TEXT, b'{"echo": 1}'))
        if n % 3 == 0:
            talk.reset()
        elif n % 3 == 1:
            talk.socket.close()
        else:
            talk.socket.shutdown(socket.SHUT_WR)
            talk.rest()
            talk.socket.close()
    wait_until(lambda: (found := counts(live))["opened"] == found["closed"] and not found["waiting"], "all are closed")
    assert "Traceback" not in live.log.read_text()


def test_every_handler_that_was_opened_is_closed_once(live: Server) -> None:
    token = token_of(live, "alice")
    for n in range(40):
        ws = Socket(live, token)
        if n % 4 == 0:
            ws.reset()
        elif n % 4 == 1:
            ws.send(close(1000))
        elif n % 4 == 2:
            ws.say(slow=0.1)
            ws.reset()
        else:
            ws.send(frame(TEXT, b"x", mask=None))
        ws.socket.close()
    wait_until(lambda: counts(live) == {"opened": 40, "closed": 40, "waiting": 0}, "all are closed, and wait no more")


def test_messages_before_a_reset_are_stored(live: Server) -> None:
    """It was not acknowledged; but a program that sends and ends loses nothing that reached us."""
    alice = token_of(live, "alice")
    with Socket(live, token_of(live, "bob")) as b:
        ws = Socket(live, alice)
        for n in range(5):
            ws.say(send=["public", f"{n}"])
        time.sleep(0.05)
        ws.socket.close()
        assert pushed(b, 5) == [str(n) for n in range(5)]


def test_sockets_come_back_after_a_power_cut_and_nothing_acknowledged_is_lost(live: Server) -> None:
    alice = token_of(live, "alice")
    acknowledged = []
    with Socket(live, alice) as ws:
        for n in range(20):
            ws.say(send=["public", f"{n}"], quietly=True)
            assert ws.json() == {"sent": True}
            acknowledged.append(f"{n}")
        live.kill()
        assert ws.rest() == b""
    live.start()
    with Socket(live, alice) as ws:
        assert ws.is_silent(0.3), "from now on"
    got = requests.get(f"{live.url}/chat/pull", headers={"Authorization": alice}, timeout=30).json()["public"]
    assert [message["content"] for message in got] == acknowledged


def test_a_worker_that_dies_takes_its_visits_with_it(socket_server: StartServer) -> None:
    live = socket_server(workers=2)
    tokens = [token_of(live, name) for name in ("alice", "bob")]
    turns = itertools.cycle(tokens)
    with ExitStack() as stack:
        # A worker that is still starting may receive up to 4 sockets later.
        visits = spread(live, lambda: stack.enter_context(Socket(live, next(turns), path="/test/ws?room=1")), 6)
        time.sleep(0.2)
        os.kill(live.worker_pids()[0], signal.SIGKILL)
        alive = []
        for ws in visits:
            try:
                ws.say(echo="?")
                while "echo" not in ws.json():
                    pass
                alive.append(ws)
            except (AssertionError, OSError):
                continue
        assert 0 < len(alive) < len(visits)
        with Socket(live, tokens[0], path="/test/ws?room=1") as ws:
            ws.say(echo="serves")


def test_sockets_need_liveworker(home: Path, make_app: Callable[..., Any], clock: FakeClock) -> None:
    from tests.server import socket_app

    app = make_app()
    socket_app.register(app)
    client = app.test_client()
    client.post("/user/register", json={"username": "alice", "password": "secret1"})
    headers = dict(header.split(": ") for header in HANDSHAKE)
    reply = client.get("/test/ws", headers=headers)
    assert (reply.status_code, reply.json) == (503, {"error": "SOCKETS_UNAVAILABLE"})
    assert PING
