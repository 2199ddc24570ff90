"""Bounds per person in each protocol's own words (tcp's are in tests/tcp/test_failures.py)."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import services_of
from tests.contract.clients import FlaskTransport, PollingClient, Reply
from tests.contract.ims_client import ImsClient
from tests.contract.registered import ims, polling, roomapi
from tests.contract.roomapi_client import RoomapiClient


@pytest.fixture
def bounded(make_app: Callable[..., Flask]) -> Flask:
    """Two rooms at once, two owned, two people a minute, and one room of a stranger."""
    return make_app(rooms_at_once=2, rooms_owned=2, people_added_per_minute=2, strangers_rooms=1)


def befriend(one: ImsClient, other: ImsClient) -> None:
    services = services_of(other.transport.app)  # type: ignore[attr-defined]
    actors = []
    for each in (one, other):
        user_id, session = services.accounts.log_in_telling(f"{each.username}@example.com", "secret1", "192.0.2.1")
        actors.append(services.sessions.resolve(session.id, user_id))
    assert actors[0] is not None
    assert actors[1] is not None
    services.friends.request(actors[0], other.id, "")
    services.friends.accept(actors[1], one.id, other.id, "hello")


def test_polling(bounded: Flask) -> None:
    alice = polling(bounded, "alice")

    def create(name: str) -> Reply:
        return alice.call("POST", "/room/create", {"roomname": name, "type": "public", "passwd": ""})

    assert [create(name).status for name in ("one", "two")] == [200, 200]
    full = create("three")
    assert (full.status, full.json["feedback"]) == (403, "You already own 2 rooms: delete one that you no longer need.")
    alice.delete_room("one")
    often = create("three")
    assert often.status == 429
    assert 170 < int(often.headers["Retry-After"]) <= 180
    assert often.json["status"] == "failure"
    assert often.json["feedback"].startswith("Too many requests: try again in")


def test_roomapi(bounded: Flask) -> None:
    alice, bob, mallory = (roomapi(bounded, name) for name in ("alice", "bob", "mallory"))

    def create(client: RoomapiClient) -> Reply:
        return client.call("POST", "/api/room/create", {"name": "club", "description": ""})

    def add(client: RoomapiClient, room: int, user: str) -> Reply:
        return client.call("POST", "/api/room/add_user", {"room_id": room, "user_name": user})

    first, second = (create(alice).json["data"]["ID"] for _ in range(2))
    full = create(alice)
    assert (full.status, full.json) == (
        200,
        {"code": 1, "msg": "创建失败，你已拥有 2 个聊天室，请先删除不再需要的", "data": None},
    )
    alice.call("DELETE", f"/api/room/delete?room_id={second}")
    often = create(alice)
    assert (often.status, often.json["code"], often.json["data"]) == (429, 1, None)
    assert int(often.headers["Retry-After"]) > 1
    assert add(alice, first, "bob").json["code"] == 0
    other = create(mallory).json["data"]["ID"]
    refused = add(mallory, other, "bob")
    assert (refused.status, refused.json) == (
        200,
        {"code": 1, "msg": "添加用户到聊天室失败，现在无法添加该用户", "data": None},
    )
    assert add(mallory, other, "alice").json["code"] == 0
    third = roomapi(bounded, "carol")
    assert add(mallory, other, "carol").json["code"] == 0
    del third
    assert add(mallory, other, "bob").status == 429  # two people a minute
    assert bob.call("GET", "/api/room/list").json["code"] == 0


def test_realtime(bounded: Flask) -> None:
    alice = polling(bounded, "alice")  # any protocol's cookie will do

    def create() -> Reply:
        return alice.call("POST", "/Room", {"name": "club"})

    rooms = [create().json["id"] for _ in range(2)]
    full = create()
    assert (full.status, full.json) == (
        403,
        {"status": False, "error": "You already own 2 rooms: delete one that you no longer need."},
    )
    assert alice.call("DELETE", f"/Room/{rooms[0]}").status == 204
    often = create()
    assert (often.status, often.json["status"]) == (429, False)
    assert int(often.headers["Retry-After"]) > 1


def test_ims(bounded: Flask) -> None:
    alice = ims(bounded, "alice")
    friends = [ims(bounded, name) for name in ("bob", "carol", "dave")]
    for friend in friends:
        befriend(alice, friend)
    ids = [friend.id for friend in friends]

    def create(*members: int) -> Reply:
        return alice.call("POST", "/conversations", {"name": "group", "members": list(members)})

    def refusal(reply: Reply) -> tuple[int, int, str]:
        return reply.status, reply.json["code"], reply.json["info"]

    assert refusal(create(*ids)) == (403, -3, "Too many members at once")
    assert create(ids[0]).status == 200
    group = alice.call("GET", "/conversations").json["conversation"]
    room = next(each["id"] for each in group if each["name"] == "group")
    assert create(ids[1]).status == 200
    assert refusal(create(ids[2])) == (403, -3, "Too many conversations")
    invite = {"conversationId": room, "member_id": ids[1]}
    often = alice.call("POST", "/conversations/member/add", invite)
    assert refusal(often) == (429, -8, "Too many requests")
    assert int(often.headers["Retry-After"]) > 1


def test_in_ims_an_invitation_waits_while_its_receiver_is_in_rooms_of_strangers(
    make_app: Callable[..., Flask],
) -> None:
    """Friends alone are invited; here the friendship ends before the owner answers."""
    app = make_app(strangers_rooms=1, rate_limits=False)
    owner, inviter, me = (ims(app, name) for name in ("owner", "inviter", "me"))
    owner.befriend(inviter)
    inviter.befriend(me)
    owner.ok("POST", "/conversations", {"name": "group", "members": [inviter.id]})
    group = owner.id_of("group")
    inviter.ok("POST", "/conversations/member/add", {"conversationId": group, "member_id": me.id})
    inviter.ok("DELETE", "/manage_friends", {"friend_id": me.id})
    stranger = roomapi(app, "stranger")
    room = stranger.call("POST", "/api/room/create", {"name": "look", "description": ""}).json["data"]["ID"]
    put_in = {"room_id": room, "user_name": "me@example.com"}
    assert stranger.call("POST", "/api/room/add_user", put_in).json["code"] == 0

    def waiting() -> list[int]:
        found = owner.ok("GET", "/conversations/invitation", {"conversation_id": group})["invitations"]
        return [each["invite_id"] for each in found if each["status"] == 0]

    [invitation] = waiting()
    refused = owner.call("POST", "/conversations/manage/handle_invitation", {"invite_id": invitation})
    assert (refused.status, refused.json) == (403, {"code": -3, "info": "The user cannot be added now"})
    assert waiting() == [invitation]
    assert "group" not in me.rooms()
    me.leave("look")
    owner.ok("POST", "/conversations/manage/handle_invitation", {"invite_id": invitation})
    assert waiting() == []
    assert "group" in me.rooms()


def test_rows_that_are_too_many(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "friends.FRIEND_REQUESTS_WAITING",
        "friend_groups.FRIEND_GROUPS",
        "announcements.ANNOUNCEMENTS_OF_ROOM",
    ):
        monkeypatch.setattr(f"chat.services.{name}", 0)
    alice, bob = ims(app, "alice"), ims(app, "bob")
    alice.create_room("club")
    room = alice.id_of("club")
    for path, body in (
        ("/add_friend", {"target_id": bob.id, "message": ""}),
        ("/groups", {"name": "best"}),
        ("/conversations/manage/notifications", {"conversation_id": room, "content": "news"}),
    ):
        refused = alice.call("POST", path, body)
        assert (refused.status, refused.json) == (403, {"code": -3, "info": "Too many"}), path
    tokens = (alice.call("GET", "/Room/1") for _ in range(600))  # a slow machine may be given more than 60
    often = next(each for each in tokens if each.status != 200)
    assert (often.status, often.json["status"]) == (429, False)
    assert int(often.headers["Retry-After"]) == 1


def test_leaving_all_rooms_of_an_owner(app: Flask) -> None:
    bob, mallory = polling(app, "bob"), polling(app, "mallory")
    for room in ("one", "two"):
        mallory.create_room(room)
        bob.join(room)
    bob.create_room("mine")
    assert bob.ok("POST", "/room/leave_all", {"owner": "Mallory"})["feedback"] == "Left 2 rooms."
    assert bob.rooms() == {"public", "mine"}
    assert mallory.rooms() == {"public", "one", "two"}
    assert bob.call("POST", "/room/leave_all", {"owner": "nobody"}).status == 404
    assert bob.call("POST", "/room/leave_all", {}).status == 400
    assert PollingClient(FlaskTransport(app)).call("POST", "/room/leave_all", {"owner": "bob"}).status == 401


def test_the_administrator_removes_a_user_from_all_rooms_of_an_owner(app: Flask) -> None:
    bob, mallory = polling(app, "bob"), polling(app, "mallory")
    mallory.create_room("one")
    bob.join("one")
    done = app.test_cli_runner().invoke(args=["chat", "leave-rooms", "bob", "--of", "mallory"])
    assert (done.exit_code, done.output) == (0, "bob has left 1 rooms of mallory.\n")
    assert bob.rooms() == {"public"}
    wrong = app.test_cli_runner().invoke(args=["chat", "leave-rooms", "bob", "--of", "nobody"])
    assert wrong.exit_code == 1
    assert "no user" in wrong.output
