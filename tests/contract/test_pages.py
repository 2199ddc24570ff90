"""Paged lists in all protocols: `limit`, `after`, `q`; without `limit` an answer is as its document says."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import services_of, sign_up
from tests.contract.clients import PollingClient
from tests.contract.conftest import Clients

Fetch = Callable[[str], tuple[list[Any], str | None]]
ROOMS = ["public", "club 0", "club 1", "club 2", "club 3"]
# Address, key of the list, and of an entry's name; "" for a bare list.
LISTS = [
    ("/room/find?joined=1", "rooms", "roomname", ROOMS),
    ("/room/find?detail=1", "rooms", "roomname", [*ROOMS, "bobs"]),
    ("/room/members?roomname=public", "members", "user", ["alice", "bob", "carol"]),
    ("/api/room/list?", "data", "name", ROOMS),
    ("/api/room/members?room_id=1", "data", "username", ["alice", "bob", "carol"]),
    ("/Room?", "", "name", [*ROOMS, "bobs"]),
    ("/conversations?", "conversation", "name", ROOMS),
    ("/conversations/get_members?conversation_id=1", "members", "name", ["alice", "bob", "carol"]),
    ("/friends?", "friends", "name", []),
    ("/friend_requests?", "requests", "user_name", ["bob", "carol"]),
    ("/groups?", "groups", "name", ["g1", "g2"]),
    ("/conversations/manage/notifications?conversation_id=1", "notifications", "content", []),
    ("/conversations/invitation?conversation_id=1", "invitations", "sender_name", []),
    ("/conversations/1/invitation?", "invitations", "sender_name", []),
]


@pytest.fixture
def alice(app: Flask, client: Clients) -> PollingClient:
    made = client("alice")
    services = services_of(app)
    for name in ROOMS[1:]:
        made.create_room(name)
    for name in ("bob", "carol"):
        other = sign_up(services, name)
        services.friends.request(other, 1, "hello")
        if name == "bob":
            services.rooms.create(other, "bobs")
    for name in ("g1", "g2"):
        made.call("POST", "/groups", {"name": name})
    return made


def part(alice: PollingClient, path: str, key: str, name: str) -> tuple[list[str], str | None]:
    """The names in an answer, and its `next`."""
    reply = alice.call("GET", path)
    assert reply.status == 200, reply
    entries = reply.json[key] if key else reply.json
    after = reply.json.get("next") if key else reply.headers.get("X-Next", "" if "limit=" in path else None)
    return [entry[name] for entry in entries], after


def test_pages_have_every_entry_once(alice: PollingClient) -> None:
    for path, key, name, expected in LISTS:
        whole, after = part(alice, path, key, name)
        assert sorted(whole) == sorted(expected), path
        assert after is None, path  # not requested
        found: list[str] = []
        after = ""
        while after is not None:
            entries, after = part(alice, f"{path}&limit=2&after={after}", key, name)
            assert len(entries) <= 2, path
            found += entries
            after = after or None
        assert sorted(found) == sorted(expected), path


def test_lists_can_be_searched(alice: PollingClient) -> None:
    for path, key, name, expected in [each for each in LISTS if "/groups" not in each[0]][:10]:
        for wanted in ("CLUB 2", "bo", "%"):
            found, _ = part(alice, f"{path}&q={wanted.replace('%', '%25')}", key, name)
            assert sorted(found) == sorted(each for each in expected if wanted.lower() in each.lower()), (path, wanted)


BAD_QUERIES = ["limit=0", "limit=x", "limit=-1", "limit=1&after=x", "limit=1&after=1-1", "q=" + "x" * 101]


def test_invalid_pages_are_refused(alice: PollingClient) -> None:
    for path in ("/room/find", "/api/room/list", "/Room", "/conversations"):
        for query in BAD_QUERIES:
            reply = alice.call("GET", f"{path}?{query}")
            assert reply.status == 400 or reply.json.get("code") == 1, (path, query, reply)


def test_a_page_has_the_most_active_rooms_first(alice: PollingClient) -> None:
    alice.say("club 1", "news")
    found, _ = part(alice, "/room/find?limit=2", "rooms", "roomname")
    assert found == ["club 1", "club 3"]
