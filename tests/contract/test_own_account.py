"""The account routes of polling: name, picture, sessions, data, deletion."""

import base64
import io
import json
import zipfile
from collections.abc import Callable

import pytest
from flask import Flask

from tests.contract.clients import FlaskTransport, PollingClient
from tests.pictures import picture

Clients = Callable[..., PollingClient]


def test_nickname_and_avatar_without_a_password(client: Clients) -> None:
    alice, bob = client("alice"), client("bob")
    alice.ok("POST", "/user/profile", {"nickname": "Alice L."})
    alice.say("public", "hello")
    shown = bob.ok("GET", "/chat/history?roomname=public&detail=1")["messages"][0]
    assert (shown["user"], shown["nickname"]) == ("alice", "Alice L.")
    alice.ok("POST", "/user/profile", {"avatar": base64.b64encode(picture()).decode()})
    address = alice.ok("GET", "/user/me?detail=1")["avatar"]
    assert address.startswith("/avatars/")
    assert bob.transport.request("GET", address, None, {}).status == 200
    assert alice.ok("GET", "/user/me")["nickname"] == "Alice L."
    alice.ok("POST", "/user/profile", {"avatar": ""})
    assert alice.ok("GET", "/user/me?detail=1")["avatar"] == ""
    for nickname, status in (("", 400), (" x", 400), ("x" * 33, 400), ("bob", 409)):
        assert alice.call("POST", "/user/profile", {"nickname": nickname}).status == status, nickname
    assert alice.call("POST", "/user/profile", {}).json["feedback"] == "nickname / avatar is missing: add it."


@pytest.mark.parametrize("avatar", ["a" * 2049, "a" * (2 * 1024 * 1024 + 1), 5])
def test_an_avatar_that_is_too_long_is_told_what_fits(client: Clients, avatar: object) -> None:
    answer = client("alice").call("POST", "/user/profile", {"avatar": avatar})
    assert answer.status == 400
    assert answer.json["feedback"].startswith("That avatar is too long, or no picture: ")
    assert answer.json["feedback"].endswith(" of at most 2097152 characters, or another text of at most 2048.")


def test_ending_the_other_sessions(app: Flask, client: Clients) -> None:
    alice = client("alice")
    elsewhere = PollingClient(FlaskTransport(app))
    elsewhere.login("alice")
    assert len(alice.ok("GET", "/user/sessions")["sessions"]) == 2
    alice.ok("POST", "/user/sessions/end_others", {})
    assert elsewhere.call("GET", "/user/me").status == 401
    assert [each["current"] for each in alice.ok("GET", "/user/sessions")["sessions"]] == [True]


def test_own_data_has_own_messages_only(client: Clients) -> None:
    alice, bob = client("alice"), client("bob")
    alice.create_room("club")
    for number in range(3):
        alice.say("club", f"物理 {number}")
        bob.say("public", "not hers")
    alice.show("public", picture())
    reply = alice.call("GET", "/own-data.zip")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/zip")
    archive = zipfile.ZipFile(io.BytesIO(reply.body))
    assert min(entry.date_time for entry in archive.infolist()) > (2020,), "dated by the download"
    found = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    assert found.keys() == {"account.json", "rooms.json", "sessions.json", "messages.json"}
    assert found["account.json"]["username"] == "alice"
    assert [room["name"] for room in found["rooms.json"]] == ["public", "club"]
    said = found["messages.json"]
    assert [message.get("content") for message in said] == ["物理 0", "物理 1", "物理 2", None]
    assert said[-1]["address"].startswith("/attachments/")
    assert "password" not in reply.body.decode("latin-1")
    assert client().call("GET", "/own-data.zip").status == 401
    assert alice.call("GET", f"/own-data.zip?chat_user={bob.ok('GET', '/user/me')['id']}").status == 401
    assert [alice.call("GET", "/own-data.zip").status for _ in range(5)] == [200] * 4 + [429]


def test_deleting_ones_account_takes_the_password(client: Clients) -> None:
    alice = client("alice")
    assert alice.call("POST", "/user/delete", {"password": "not it"}).status == 401
    alice.ok("POST", "/user/delete", {"password": "secret1"})
    assert alice.call("GET", "/user/me").status == 401
    assert alice.call("POST", "/user/login", {"username": "alice", "password": "secret1"}).status == 401
