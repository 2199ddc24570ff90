"""Realtime's sockets over several workers, on the further port, with a busy database, and when the server stops."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.realtime_client import Closed, RealtimeUser, RoomSocket
from tests.database import locked
from tests.databases import direct_only
from tests.processes import spread
from tests.real_server import Server, free_port

StartServer = Callable[..., Server]
MakeUser = Callable[[Server, str], RealtimeUser]


@pytest.fixture
def user() -> Iterator[MakeUser]:
    made: list[RealtimeUser] = []

    def make(server: Server, stem: str) -> RealtimeUser:
        made.append(RealtimeUser(server.url, stem))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_sockets_at_two_workers_hear_each_other_once_and_in_order(server: StartServer, user: MakeUser) -> None:
    live = server(workers=2)
    alice, bob = user(live, "alice"), user(live, "bob")
    room = alice.make()
    listeners = spread(live, lambda: alice.enter(room), 2)
    speakers = [bob.enter(room) for _ in range(4)]
    for number in range(20):
        answer = speakers[number % 4].say(str(number))
        while "status" not in answer:  # what another of bob's sockets said before
            answer = speakers[number % 4].next()
        assert answer == {"status": True}
    for each in speakers:
        each.close()
    for listener in listeners:
        frames = listener.until_quiet(1.0)
        assert [frame["msg"] for frame in frames if frame["type"] == 0] == [str(number) for number in range(20)]
        # Four sockets came and went: the first of them and the last of them are told of.
        assert [frame["action"] for frame in frames if frame["type"] == 1] == [1, 0]


def test_a_token_made_by_one_worker_is_good_once_at_all(server: StartServer, user: MakeUser) -> None:
    live = server(workers=2)
    alice = user(live, "alice")
    room = alice.make()
    for _ in range(6):
        token = alice.token(room)
        answers = []
        for socket in (alice.bare(token), alice.bare(token)):
            socket.send({"msg": "in"})
            answers.append(socket.next())
        assert sorted(answer["status"] for answer in answers) == [False, True]


def test_the_further_port(server: StartServer, user: MakeUser) -> None:
    port = free_port()
    live = server(CHAT_REALTIME_PORT=str(port))
    alice = user(live, "alice")
    room = alice.make()
    here = alice.enter(room)
    there = RoomSocket(f"http://127.0.0.1:{port}", alice.token(room))
    try:
        assert there.say("by the other port") == {"status": True}
        assert here.next()["msg"] == "by the other port"
    finally:
        there.close()


@direct_only
def test_a_busy_database_refuses_a_message_or_a_token_and_neither_is_lost(
    server: StartServer, user: MakeUser, home: Path
) -> None:
    live = server(CHAT_DATABASE_BUSY_SECONDS="0.1")
    alice = user(live, "alice")
    room = alice.make()
    speaker, listener, token = alice.enter(room), alice.enter(room), alice.token(room)
    with locked(home):
        refused = speaker.say("now?", client_message_id="m-1")
        assert set(refused) == {"status", "error", "retry_after"}
        assert refused["status"] is False
        turned_away = alice.bare(token)
        assert turned_away.next()["retry_after"] >= 1
        with pytest.raises(Closed) as closed:
            turned_away.next()
        assert closed.value.code == 1013
    assert speaker.say("now?", client_message_id="m-1") == {"status": True}
    entered = alice.bare(token)
    assert entered.next()["msg"] == "now?", "it was sent after the token was given"
    assert entered.say("I am in") == {"status": True}
    assert [frame["msg"] for frame in listener.until_quiet()] == ["now?", "I am in"]


def test_a_server_that_stops_says_so(server: StartServer, user: MakeUser) -> None:
    live = server()
    alice = user(live, "alice")
    socket = alice.enter(alice.make())
    assert live.stop() == 0
    with pytest.raises(Closed) as closed:
        socket.next()
    assert closed.value.code == 1001
