"""Roomapi's sockets over several workers, under the names by which clients know the server, and when it restarts."""

import base64
import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.clients import HttpTransport
from tests.contract.realtime_client import Closed, RoomSocket
from tests.contract.roomapi_client import RoomapiClient
from tests.pictures import picture
from tests.processes import spread
from tests.real_server import Server

StartServer = Callable[..., Server]
MakeUser = Callable[[Server, str], RoomapiClient]
Connect = Callable[..., RoomSocket]


@pytest.fixture
def user() -> Iterator[MakeUser]:
    """Make users without sockets of their own."""
    made: list[RoomapiClient] = []

    def make(server: Server, username: str) -> RoomapiClient:
        made.append(RoomapiClient(HttpTransport(server.url)))
        made[-1].register(username)
        return made[-1]

    yield make
    for each in made:
        assert isinstance(each.transport, HttpTransport)
        each.transport.close()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Open sockets, greeted."""
    made: list[RoomSocket] = []

    def make(server: Server, who: RoomapiClient, **options: Any) -> RoomSocket:
        socket = RoomSocket(server.url, path=f"/api/message/ws?token={who.token}", **options)
        made.append(socket)
        assert socket.next() == {"code": 0, "msg": "连接成功", "data": None}
        return socket

    yield make
    for each in made:
        each.raw.shutdown()


def test_sockets_at_all_workers_get_all_rooms_once_and_in_order(
    server: StartServer, user: MakeUser, connect: Connect
) -> None:
    live = server(workers=2)
    alice, bob = user(live, "alice"), user(live, "bob")
    listeners = spread(live, lambda: connect(live, bob), 2)
    alice.create_room("room1")
    alice.bring("room1", bob)  # while bob's sockets are open
    room_id = alice.id_of("room1")
    speakers = [connect(live, alice) for _ in range(3)]
    for number in range(30):
        speaker = speakers[number % 3]
        speaker.send({"room_id": room_id, "type": "text", "content": str(number)})
        while speaker.next()["data"]["content"] != str(number):  # skip earlier messages
            pass
    expected = [str(number) for number in range(30)]
    for listener in listeners:
        assert [listener.next()["data"]["content"] for _ in range(30)] == expected
    alice.delete_room("room1")  # not earlier: what another worker has not pushed by then shows no more
    alice.say("public", "the room is gone")
    for listener in listeners:
        assert listener.next()["data"]["content"] == "the room is gone"
        listener.send({"room_id": room_id, "type": "text", "content": "anyone?"})
        assert listener.next() == {"code": 1, "msg": "聊天室不存在", "data": None}


def test_a_logout_closes_the_sockets_at_all_workers(server: StartServer, user: MakeUser, connect: Connect) -> None:
    live = server(workers=2)
    alice, bob = user(live, "alice"), user(live, "bob")
    sockets = spread(live, lambda: connect(live, alice), 2)
    others = connect(live, bob)
    assert alice.call("POST", "/user/logout", {}).status == 200
    for socket in sockets:
        with pytest.raises(Closed) as closed:
            socket.next(5)
        assert closed.value.code == 1008
    assert others.until_quiet(0.5) == []


def test_each_client_gets_pictures_under_the_name_by_which_it_knows_the_server(
    server: StartServer, user: MakeUser, connect: Connect
) -> None:
    live = server()
    alice = user(live, "alice")
    hosts = ["chat.example", f"127.0.0.1:{live.port}", "chat.example", "[::1]:81"]
    sockets = [connect(live, alice, host=host) for host in hosts]
    alice.show("public", picture())
    alice.say("public", "a text is the same for all")
    pushes = [[socket.next()["data"] for _ in range(2)] for socket in sockets]
    path = "/attachments/" + pushes[0][0]["content"].rpartition("/")[2]
    assert [image["content"] for image, _ in pushes] == [f"http://{host}{path}" for host in hosts]
    assert all(text == pushes[0][1] for _, text in pushes)
    listed = alice.call("GET", "/api/message/list?room_id=1", None, Host="chat.example").json["data"]
    assert listed[1]["content"] == f"http://chat.example{path}"


def test_a_client_that_comes_back_after_a_restart_misses_nothing(
    server: StartServer, user: MakeUser, connect: Connect
) -> None:
    live = server()
    alice = user(live, "alice")
    socket = connect(live, alice)
    message = {"room_id": 1, "type": "text", "content": "stored?", "client_message_id": "1"}
    socket.send(message)
    stored = socket.next()
    live.signal(signal.SIGTERM)
    with pytest.raises(Closed) as closed:
        socket.next()
    assert closed.value.code == 1001
    live.wait()
    live.start()
    again = connect(live, alice)
    again.send(message)
    assert again.next() == stored
    assert again.until_quiet() == []
    assert [each["ID"] for each in alice.ok("GET", "/api/message/list?room_id=1")] == [stored["data"]["ID"]]


def test_pictures_by_frame_too_where_they_fit(server: StartServer, user: MakeUser, connect: Connect) -> None:
    live = server()
    alice = user(live, "alice")
    socket = connect(live, alice)
    data = picture("JPEG")
    socket.send(json.dumps({"room_id": 1, "type": "image", "content": base64.b64encode(data).decode()}))
    assert alice.heard(socket.next()["data"]).content == data
