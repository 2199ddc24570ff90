"""Sockets that live: order and pushes."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.raw import token_of
from tests.real_server import Server
from tests.server.socket_calls import post, pushed, say
from tests.server.websocket import Socket

StartServer = Callable[..., Server]


@pytest.fixture
def live(socket_server: StartServer) -> Server:
    return socket_server(CHAT_RATE_LIMITS="off")


def test_messages_of_one_connection_are_handled_one_at_a_time_in_order(live: Server) -> None:
    token = token_of(live, "alice")
    with Socket(live, token) as ws, Socket(live, token) as other:
        for n in range(5):
            ws.say(slow=0.3, n=n)
        began = time.monotonic()
        other.say(echo="at once")
        assert other.json() == {"echo": "at once"}
        assert time.monotonic() - began < 0.9, "others do not wait for it"
        expected = [{key: n} for n in range(5) for key in ("begun", "slow")]
        assert [ws.json() for _ in range(10)] == expected


def test_a_mistake_of_ours_is_an_error_and_the_socket_stays(live: Server) -> None:
    with Socket(live, token_of(live, "alice")) as ws:
        ws.say(mistake=1)
        ws.say(echo="on")
        assert [ws.json(), ws.json()] == [{"error": "INTERNAL"}, {"echo": "on"}]


def test_messages_of_all_rooms_and_protocols_are_pushed_own_ones_too(live: Server) -> None:
    alice, bob = token_of(live, "alice"), token_of(live, "bob")
    post(live, "/room/create", alice, {"roomname": "club"})
    say(live, alice, "club", "before")
    with Socket(live, alice) as a, Socket(live, bob) as b:
        say(live, alice, "club", "in club")
        say(live, bob, "public", "in public")
        assert [(got["room"], got["text"]) for got in (a.json(), a.json())] == [
            ("club", "in club"),
            ("public", "in public"),
        ]
        assert pushed(b, 1) == ["in public"]
        a.say(send=["public", "by socket"])
        assert pushed(a, 1) == pushed(b, 1) == ["by socket"]


def test_the_sender_may_have_its_own_left_out(live: Server) -> None:
    alice, bob = token_of(live, "alice"), token_of(live, "bob")
    with Socket(live, alice) as one, Socket(live, alice) as two, Socket(live, bob) as b:
        stop = threading.Event()

        def chatter() -> None:
            while not stop.is_set():
                say(live, bob, "public", "from bob")

        thread = threading.Thread(target=chatter)
        thread.start()
        for n in range(30):
            one.say(send=["public", f"mine {n}"], quietly=True)
        seen: list[str] = []
        while seen.count("sent") < 30:
            seen.append(one.json().get("text", "sent"))
        stop.set()
        thread.join()
        say(live, bob, "public", "end")
        while (got := one.json()).get("text") != "end":
            seen.append(got["text"])
        assert set(seen) == {"sent", "from bob"}
        for ws in (two, b):
            texts = []
            while (text := ws.json()["text"]) != "end":
                texts.append(text)
            assert [text for text in texts if text != "from bob"] == [f"mine {n}" for n in range(30)]
            assert texts.count("from bob") == seen.count("from bob")


def test_many_writers_and_every_socket_gets_all_once_in_one_order(socket_server: StartServer) -> None:
    live = socket_server(workers=2, CHAT_RATE_LIMITS="off")
    tokens = [token_of(live, f"pupil {n}") for n in range(4)]
    with ExitStack() as stack:
        sockets = [stack.enter_context(Socket(live, tokens[n % 4])) for n in range(12)]

        def write(n: int) -> None:
            for number in range(40):
                say(live, tokens[n], "public", f"{n}-{number}")

        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        got = [pushed(ws, 160) for ws in sockets]
        for thread in threads:
            thread.join()
        assert all(each == got[0] for each in got)
        assert len(set(got[0])) == 160
        assert all(ws.is_silent(0.1) for ws in sockets[:2])


def test_a_room_joined_later_is_pushed_from_the_joining_on_and_one_left_no_more(live: Server) -> None:
    alice, bob = token_of(live, "alice"), token_of(live, "bob")
    post(live, "/room/create", alice, {"roomname": "club"})
    with Socket(live, bob) as b:
        for round_ in range(3):
            say(live, alice, "club", "before")
            post(live, "/room/join", bob, {"roomname": "club"})
            say(live, alice, "club", f"after {round_}")
            assert pushed(b, 1) == [f"after {round_}"]
            post(live, "/room/leave", bob, {"roomname": "club"})
            say(live, alice, "club", "behind his back")
        say(live, alice, "public", "end")
        assert pushed(b, 1) == ["end"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_removed_member_gets_no_later_message(socket_server: StartServer, workers: int) -> None:
    live = socket_server(workers=workers, CHAT_RATE_LIMITS="off")
    alice, bob = token_of(live, "alice"), token_of(live, "bob")
    post(live, "/room/create", alice, {"roomname": "club"})
    with ExitStack() as stack:
        post(live, "/room/join", bob, {"roomname": "club"})
        sockets = [stack.enter_context(Socket(live, bob)) for _ in range(4 * workers)]
        for n in range(20):
            say(live, alice, "club", f"{n}")
            post(live, "/room/leave", bob, {"roomname": "club"})
            say(live, alice, "club", "secret")
            post(live, "/room/join", bob, {"roomname": "club"})
        say(live, alice, "public", "end")
        for ws in sockets:
            texts = []
            while (got := ws.json())["text"] != "end":
                texts.append(got["text"])
            assert "secret" not in texts
            assert texts == sorted(set(texts), key=int), "in order, none twice"
