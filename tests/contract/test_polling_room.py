"""/room, row by row (docs/protocols/polling.md; docs/specification.md, "polling" and "Room")."""

import pytest
from sqlalchemy import select

from chat.models import Room
from tests.conftest import services_of
from tests.contract.clients import FlaskTransport, PollingClient
from tests.contract.conftest import Clients
from tests.database import execute


def find(client: PollingClient, detail: bool = False) -> dict[str, dict[str, object]]:
    rooms = client.ok("GET", "/room/find" + ("?detail=1" if detail else ""))["rooms"]
    return {room["roomname"]: room for room in rooms}


def create(client: PollingClient, **body: object) -> int:
    return client.call("POST", "/room/create", body).status


def test_find_returns_exactly_the_documented_fields(client: Clients) -> None:
    alice, bob = client("alice"), client("bob")
    assert create(alice, roomname="math", type="school", passwd="") == 200
    bob.join("math")
    assert find(alice)["math"] == {"roomname": "math", "type": "school", "membercount": 2}
    assert find(bob)["public"] == {"roomname": "public", "type": "public", "membercount": 2}


def test_find_in_detail(client: Clients) -> None:
    alice, bob = client("alice"), client("bob")
    create(alice, roomname="math", passwd="pw")
    before = find(alice, detail=True)["math"]
    assert before.pop("id") == 2  # after the lobby, which is the first
    assert before == {
        "roomname": "math",
        "type": "public",
        "membercount": 1,
        "joined": True,
        "role": "owner",
        "locked": True,
        "unread": 0,
        "mentions": 0,
        "last_time": "",
        "topic": "",
        "read_only": False,
        "slow_mode": 0,
        "archived": False,
        "seen_by": True,
        "muted_until": "",
    }
    alice.say("math", "hello")
    seen = find(bob, detail=True)["math"]
    assert (seen["joined"], seen["role"], seen["unread"]) == (False, None, 0)
    stamp = alice.ok("POST", "/chat/pull", {"math": ""})["math"][0]["timestamp"]
    assert seen["last_time"] == stamp
    assert find(bob, detail=True)["public"]["id"] == 1


@pytest.mark.parametrize(
    "name", ["a", "x" * 60, "房间 1", "with space", "Status quo", "#1 fans", "tag#", "C# 7 b", "☕"]
)
def test_ordinary_roomnames(client: Clients, name: str) -> None:
    alice = client("alice")
    assert create(alice, roomname=name) == 200
    assert name in find(alice)
    alice.say(name, "hello")
    assert [heard.content for heard in alice.hear(name)] == ["hello"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "x" * 61,
        " a",
        "a ",
        "a\nb",
        "\x7f",
        "status",
        "feedback",
        "STATUS",
        "room #12",
        "#5",
        "＃５",
        "ｓｔａｔｕｓ",
    ],
)
def test_roomnames_that_are_refused(client: Clients, name: str) -> None:
    alice = client("alice")
    reply = alice.call("POST", "/room/create", {"roomname": name, "type": "public", "passwd": ""})
    assert (reply.status, reply.json["status"]) == (400, "failure")
    assert set(find(alice)) == {"public"}


def test_labels_and_passwds(client: Clients) -> None:
    alice = client("alice")
    assert create(alice, roomname="a", type="private") == 400  # promises a passwd
    assert create(alice, roomname="a", type="private", passwd="p") == 200
    assert create(alice, roomname="b", type="x" * 16) == 200
    assert create(alice, roomname="c", type="x" * 17) == 400
    assert create(alice, roomname="d", type="") == 400
    assert create(alice, roomname="e", passwd="p" * 129) == 400
    assert create(alice, roomname="f") == 200
    assert find(alice)["f"]["type"] == "public"
    bob = client("bob")
    bob.join("f", passwd="ignored, as the room is open")
    bob.join("f")  # repeating is harmless
    assert find(bob)["f"]["membercount"] == 2


def test_a_taken_name_is_a_conflict(client: Clients) -> None:
    alice, bob = client("alice"), client("bob")
    assert create(alice, roomname="math") == 200
    reply = bob.call("POST", "/room/create", {"roomname": "MATH"})
    assert reply.status == 409
    assert "MATH" in reply.json["feedback"]


def test_unknown_rooms_are_not_found(client: Clients) -> None:
    alice = client("alice")
    for path in ("/room/join", "/room/leave", "/room/delete"):
        reply = alice.call("POST", path, {"roomname": "nowhere"})
        assert reply.status == 404, path
        assert "nowhere" in reply.json["feedback"]
    assert alice.call("GET", "/room/members?roomname=nowhere").status == 404
    assert alice.call("GET", "/room/members").status == 400
    assert alice.call("GET", "/room/members?roomname=%00").status == 400


def test_a_user_outside_the_room_is_named_as_asked_for(client: Clients) -> None:
    alice, _ = client("alice"), client("Bob")
    create(alice, roomname="math")
    for path, more in (("/room/remove", {}), ("/room/mute", {"minutes": 5})):
        reply = alice.call("POST", path, {"roomname": "math", "user": "bob", **more})
        assert (reply.status, reply.json["feedback"]) == (404, "The user bob is not in this room."), path


def test_members_are_for_members(client: Clients) -> None:
    alice, bob = client("alice"), client("bob")
    create(alice, roomname="math")
    assert bob.call("GET", "/room/members?roomname=math").status == 404
    bob.join("math")
    assert [m["user"] for m in bob.ok("GET", "/room/members?roomname=math&role=owner")["members"]] == ["alice"]
    assert bob.call("GET", "/room/members?roomname=math&role=king").status == 400
    members = bob.ok("GET", "/room/members?roomname=math")["members"]
    assert members == [
        {"user": "alice", "nickname": "alice", "role": "owner", "online": True},
        {"user": "bob", "nickname": "bob", "role": "member", "online": True},
    ]
    detailed = bob.ok("GET", "/room/members?roomname=math&detail=1")["members"]
    assert detailed == [
        member | {"user_id": id_, "teacher": False, "alike": False, "avatar": "", "muted_until": ""}
        for id_, member in enumerate(members, 1)
    ]


def test_every_room_route_wants_a_login(client: Clients) -> None:
    nobody = client()
    for method, path in (
        ("POST", "/room/create"),
        ("GET", "/room/find"),
        ("POST", "/room/join"),
        ("POST", "/room/delete"),
        ("POST", "/room/leave"),
        ("GET", "/room/members?roomname=public"),
        ("GET", "/chat/pull"),
        ("POST", "/chat/pull"),
        ("POST", "/chat/send"),
        ("GET", "/chat/history?roomname=public"),
        ("GET", "/user/me"),
        ("POST", "/user/logout"),
    ):
        reply = nobody.call(method, path, b"not even JSON")
        assert (reply.status, reply.json["status"]) == (401, "failure"), path


def test_the_lobby_can_be_turned_off_and_renamed(make_app) -> None:
    def visitor(name: str, **settings: object) -> PollingClient:
        made = PollingClient(FlaskTransport(make_app(**settings)))
        made.register(name)
        return made

    store = services_of(make_app(lobby="")).store
    with store.write() as tx:  # the copied database has one
        execute(tx, "DELETE FROM rooms")
    assert visitor("a", lobby="").seen_rooms() == set()
    first = visitor("b", lobby="大厅")
    assert first.rooms() == {"大厅"}
    with store.read() as connection:
        (number,) = connection.execute(select(Room.id).where(Room.is_lobby)).scalars()
    first.create_room("Aula")
    assert visitor("c", lobby="Aula").rooms() == {f"Aula #{number}"}  # the name was taken
    assert visitor("d", lobby="大厅").rooms() == {"大厅"}
