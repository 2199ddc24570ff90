"""GET /chat/authors: authors of messages as they are called now."""

from typing import Any

from tests.contract.clients import PollingClient
from tests.contract.conftest import Clients


def ids_in(reader: PollingClient, room: str) -> list[int]:
    return [each["id"] for each in reader.ok("GET", f"/chat/history?roomname={room}&detail=1")["messages"]]


def authors(reader: PollingClient, room: str, *ids: object) -> list[dict[str, Any]]:
    wanted = ",".join(map(str, ids))
    found: list[dict[str, Any]] = reader.ok("GET", f"/chat/authors?roomname={room}&messages={wanted}")["authors"]
    return found


def test_authors_are_shown_as_they_are_called_now_also_outside_the_room(client: Clients) -> None:
    alice, bob = client("alice"), client("bob")
    alice.create_room("club")
    bob.join("club")
    for who in (alice, bob, bob):
        who.say("club", "hello")
    ids = ids_in(alice, "club")
    bob.ok("POST", "/user/profile", {"nickname": "Robert"})
    bob.ok("POST", "/room/leave", {"roomname": "club"})
    shown = authors(alice, "club", *ids, 999)
    assert [(each["user"], each["nickname"]) for each in shown] == [("alice", "alice"), ("bob", "Robert")]
    message = alice.ok("GET", "/chat/history?roomname=club&detail=1")["messages"][-1]
    assert shown[1] == {key: message[key] for key in ("user", "user_id", "nickname", "teacher", "avatar")}
    assert authors(alice, "club", ids[0]) == shown[:1]


def test_messages_of_other_rooms_name_nobody(client: Clients) -> None:
    alice, bob = client("alice"), client("bob")
    alice.create_room("club")
    alice.say("club", "secret")
    bob.say("public", "hello")
    secret = ids_in(alice, "club")
    assert authors(bob, "public", *secret) == []
    assert bob.call("GET", f"/chat/authors?roomname=club&messages={secret[0]}").status == 404


def test_deleted_messages_name_nobody(client: Clients) -> None:
    alice = client("alice")
    alice.say("public", "oops")
    (id_,) = ids_in(alice, "public")
    alice.ok("POST", "/chat/delete", {"roomname": "public", "id": id_})
    assert authors(alice, "public", id_) == []


def test_bad_lists_of_messages_are_refused(client: Clients) -> None:
    alice = client("alice")
    for wrong in ("", "x", "1,", "-1", "1.5", ",".join(["1"] * 101), "9" * 19):
        assert alice.call("GET", f"/chat/authors?roomname=public&messages={wrong}").status == 400, wrong
    assert alice.call("GET", "/chat/authors?roomname=public").status == 400
