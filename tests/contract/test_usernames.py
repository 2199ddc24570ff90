"""Names that cannot be seen or stand alone, and the length of names, in each protocol's words.

tcp's are in tests/tcp/test_failures.py.
"""

import pytest
from flask import Flask

from tests.conftest import services_of
from tests.contract.clients import FlaskTransport, PollingClient, Reply
from tests.contract.ims_client import ImsClient
from tests.contract.realtime_client import RealtimeClient
from tests.contract.roomapi_client import RoomapiClient


def registrations(app: Flask, name: str) -> dict[str, Reply]:
    nobody = PollingClient(FlaskTransport(app))
    by_name = {"username": name, "password": "secret1"}
    return {
        "polling": nobody.call("POST", "/user/register", by_name),
        "realtime": nobody.call("POST", "/User", by_name),
        "roomapi": nobody.call("POST", "/register", by_name),
        "ims": nobody.call("POST", "/account/reg", {"email": "n@x.org", "password": "secret1", "name": name}),
    }


@pytest.mark.parametrize("name", ["\u0301", "\u200b\u0301", "\u0301kim", "\u0e34"])
def test_a_name_without_a_base_character_is_refused(app: Flask, name: str) -> None:
    found = registrations(app, name)
    assert found["polling"].status == found["realtime"].status == 400
    for reply in (found["polling"].json["feedback"], found["realtime"].json["error"]):
        assert "an accent on its own at the start" in reply
    assert found["roomapi"].json["code"] == 1
    assert "不以组合符号开头" in found["roomapi"].json["msg"]
    assert (found["ims"].status, found["ims"].json) == (400, {"code": -3, "info": "Name too long"})
    assert services_of(app).user_directory.count()[0] == 0


def test_nor_is_one_of_a_room_or_a_nickname(app: Flask) -> None:
    polling, realtime = PollingClient(FlaskTransport(app)), RealtimeClient(FlaskTransport(app))
    roomapi, ims = RoomapiClient(FlaskTransport(app)), ImsClient(FlaskTransport(app))
    polling.register("polling")
    realtime.ok("POST", "/User", {"username": "realtime", "password": "secret1"}, 201)
    realtime.login("realtime")
    roomapi.register("roomapi")
    ims.register("ims")
    bad = "\u0301x"
    assert polling.call("POST", "/room/create", {"roomname": bad, "type": "open", "passwd": ""}).status == 400
    assert polling.call("POST", "/user/profile", {"nickname": bad}).status == 400
    assert realtime.call("POST", "/Room", {"name": bad}).status == 400
    assert roomapi.call("POST", "/api/room/create", {"name": bad, "description": ""}).json["code"] == 1
    refused = ims.call("POST", "/conversations", {"name": bad, "members": []})
    assert refused.json == {"code": -7, "info": "Missing or error type of [name]"}


def test_nor_is_the_type_of_a_room_or_the_name_of_a_group_of_friends(app: Flask) -> None:
    polling, ims = PollingClient(FlaskTransport(app)), ImsClient(FlaskTransport(app))
    polling.register("polling")
    ims.register("ims")
    for bad in ("\u0301", "\u200b\u0301x", " x"):
        refused = polling.call("POST", "/room/create", {"roomname": "room", "type": bad, "passwd": ""})
        assert refused.status == 400
        assert "an accent on its own at the start" in refused.json["feedback"]
    for bad in ("\u200b", "\u2800", " "):
        assert ims.call("POST", "/groups", {"name": bad}).json["code"] == -7


def test_a_decomposed_name_counts_as_it_is_seen(app: Flask) -> None:
    decomposed, composed = "\u1112\u1161\u11ab", "\ud55c"
    found = registrations(app, decomposed * 20)
    assert found["polling"].status == 200
    polling, roomapi = PollingClient(FlaskTransport(app)), RoomapiClient(FlaskTransport(app))
    ims = ImsClient(FlaskTransport(app))
    polling.register("polling")
    polling.ok("POST", "/room/create", {"roomname": decomposed * 60, "type": decomposed * 16, "passwd": ""})
    polling.ok("POST", "/user/profile", {"nickname": decomposed * 32})
    found = polling.ok("GET", "/room/find?detail=1")["rooms"][-1]
    assert (found["roomname"], found["type"]) == (composed * 60, composed * 16)
    assert decomposed * 60 in polling.ok("POST", "/chat/pull?timeout=0", {decomposed * 60: ""})
    settings = polling.ok("GET", f"/room/settings?roomname={composed * 60}")["settings"]
    polling.ok(
        "POST",
        "/room/settings",
        {"roomname": decomposed * 60, "version": settings["version"], "topic": decomposed * 250},
    )
    roomapi.register("roomapi")
    assert roomapi.call("POST", "/api/room/create", {"name": decomposed * 60, "description": ""}).json["code"] == 0
    ims.register("ims")
    assert ims.call("POST", "/groups", {"name": decomposed * 20}).json["code"] == 0
    assert ims.call("POST", "/groups", {"name": composed * 20}).json["code"] != 0  # there is one
    assert ims.call("POST", "/conversations", {"name": decomposed * 40, "members": []}).json["code"] == 0


def test_what_is_not_stored_does_not_count(app: Flask) -> None:
    name = "\u200b" * 30 + "a" * 20
    assert registrations(app, name)["polling"].json["status"] == "success"
    found = registrations(app, name)  # the same name
    assert found["polling"].status == found["realtime"].status == 409
    assert found["roomapi"].json["msg"] == "用户名已存在"
    assert found["ims"].json == {"code": -3, "info": "Name already exists"}
    ims = ImsClient(FlaskTransport(app))
    ims.register("ims")
    ims.ok("POST", "/conversations", {"name": "\u00ad" * 9 + "r" * 40, "members": []})
    assert "r" * 40 in ims.rooms()
    refused = ims.call("POST", "/conversations", {"name": "\u00ad" * 9 + "r" * 41, "members": []})
    assert refused.json == {"code": -7, "info": "Missing or error type of [name]"}
