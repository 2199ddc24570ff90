"""GET /room/seen, and the setting seen_by."""

import pytest
from flask import Flask

from tests.contract.clients import PollingClient
from tests.contract.test_polling_changes import alice, app, bob, client, clock, pull, say

__all__ = ["alice", "app", "bob", "clock"]
CODES = {"X-Chat-Errors": "codes"}


@pytest.mark.both_databases
def test_readers_are_listed_once_a_pull_has_said_so(app: Flask, alice: PollingClient, bob: PollingClient) -> None:
    carl = client(app, "carl")
    carl.join("club")
    (message,) = say(alice, "hello")
    path = f"/room/seen?roomname=club&id={message}"
    assert alice.ok("GET", path)["count"] == 0
    for who in (alice, bob, carl):
        pull(who, pull(who)[-1]["timestamp"])  # the cursor is the mark
    readers = [{"user": name, "nickname": name} for name in ("bob", "carl")]
    found = bob.ok("GET", path)
    assert (found["count"], found["readers"], "next" in found) == (2, readers, False)
    page = alice.ok("GET", path + "&limit=1")
    assert (page["count"], page["readers"]) == (2, readers[:1])
    page = alice.ok("GET", f"{path}&limit=1&after={page['next']}")
    assert (page["readers"], page["next"]) == (readers[1:], "")


def test_a_room_may_keep_it_to_itself(alice: PollingClient, bob: PollingClient) -> None:
    (message,) = say(bob, "hello")
    before = pull(bob)[-1]["timestamp"]
    off = {"roomname": "club", "seen_by": False}
    assert bob.call("POST", "/room/settings", off).status == 403
    settings = alice.ok("POST", "/room/settings", off)["settings"]
    assert settings["seen_by"] is False
    reply = bob.call("GET", f"/room/seen?roomname=club&id={message}", **CODES)
    assert (reply.status, reply.json["code"]) == (403, "SEEN_BY_OFF")
    assert "does not show who has read" in reply.json["feedback"]
    assert pull(bob, before, query="") == []
    assert [entry["settings"] for entry in pull(bob, before)] == [settings]
    rooms = {room["roomname"]: room for room in bob.ok("GET", "/room/find?detail=1")["rooms"]}
    assert (rooms["club"]["seen_by"], rooms["public"]["seen_by"]) == (False, True)


def test_others_and_bad_ids_are_refused(app: Flask, alice: PollingClient) -> None:
    (message,) = say(alice, "hello")
    for path, status in (
        (f"/room/seen?roomname=nowhere&id={message}", 404),
        (f"/room/seen?roomname=public&id={message}", 404),
        ("/room/seen?roomname=club&id=0", 404),
        ("/room/seen?roomname=club&id=x", 400),
        ("/room/seen?roomname=club", 400),
        (f"/room/seen?roomname=club&id={message}&limit=1&after=x", 400),
    ):
        assert alice.call("GET", path).status == status, path
    assert client(app, "outsider").call("GET", f"/room/seen?roomname=club&id={message}").status == 404
