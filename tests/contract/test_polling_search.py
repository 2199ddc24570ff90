"""/chat/search, and /chat/history around a message."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.contract.clients import PollingClient
from tests.contract.conftest import Clients


@pytest.fixture
def alice(client: Clients) -> PollingClient:
    made = client("alice")
    for number in range(9):
        made.say("public", f"Note {number} 🎉 about physics")
    return made


def around(who: PollingClient, message_id: int, **more: Any) -> Any:
    query = "".join(f"&{name}={value}" for name, value in more.items())
    return who.ok("GET", f"/chat/history?roomname=public&around={message_id}{query}")


def test_hits_are_newest_first_with_places_and_pages(alice: PollingClient) -> None:
    first = alice.ok("GET", "/chat/search?q=PHYSICS&limit=2")
    assert [hit["content"][:6] for hit in first["messages"]] == ["Note 8", "Note 7"]
    hit = first["messages"][0]
    assert hit["roomname"] == "public"
    assert hit["user"] == "alice"
    assert hit["matches"] == [[15, 7]]
    second = alice.ok("GET", f"/chat/search?q=PHYSICS&limit=2&before={first['next']}")
    assert [hit["content"][:6] for hit in second["messages"]] == ["Note 6", "Note 5"]
    last = alice.ok("GET", "/chat/search?q=note+0&roomname=public&user=alice")
    assert len(last["messages"]) == 1
    assert last["next"] == 0


@pytest.mark.parametrize(
    ("query", "status", "feedback"),
    [
        ("", 400, "q"),
        ("q=", 400, "q"),
        ("q=%20%20", 400, "q"),
        ("q=%00abc", 400, "q"),
        ("q=abc%ED%A0%80", 200, ""),  # no UTF-8: Werkzeug replaces it
        ("q=" + "x" * 101, 400, "q"),
        ("q=abc&limit=0", 400, "limit"),
        ("q=abc&limit=1e9", 400, "limit"),
        ("q=abc&limit=1000000000", 200, ""),
        ("q=abc&before=-1", 400, "before"),
        ("q=abc&before=99999999999999999999", 400, "before"),
        ("q=abc&before=9999999999999999999", 200, ""),
        ("q=abc&before=2026-11-21T09:15:03.123456Z", 400, "before"),
        ("q=abc&roomname=nowhere", 404, ""),
        ("q=abc&user=nobody", 404, ""),
        ("q=abc&user=" + "x" * 401, 400, "user"),
        ("q=" + quote("' OR 1=1 --") + "&roomname=public", 200, ""),
        ("q=" + quote('"unclosed phrase AND NOT *'), 200, ""),
    ],
)
def test_bad_queries_get_the_envelope(alice: PollingClient, query: str, status: int, feedback: str) -> None:
    answer = alice.call("GET", f"/chat/search?{query}")
    assert answer.status == status, answer.body
    assert answer.json["status"] == ("success" if status == 200 else "failure")
    assert feedback in answer.json["feedback"]


def test_history_around_a_message(alice: PollingClient) -> None:
    ids = [message["id"] for message in alice.ok("GET", "/chat/history?roomname=public&detail=1")["messages"]]

    def shown(page: Any) -> list[int]:
        return [ids.index(message["id"]) for message in page["messages"]]

    middle = around(alice, ids[4], limit=4, detail=1)
    assert shown(middle) == [2, 3, 4, 5]
    assert (middle["more"], middle["newer"]) == (True, True)
    start = around(alice, ids[0], limit=4, detail=1)
    assert shown(start) == [0, 1, 2, 3]
    assert (start["more"], start["newer"]) == (False, True)
    end = around(alice, ids[8], limit=4, detail=1)
    assert shown(end) == [6, 7, 8]
    assert (end["more"], end["newer"]) == (True, False)
    one = around(alice, ids[4], limit=1, detail=1)
    assert shown(one) == [4]
    assert (one["more"], one["newer"]) == (True, True)
    assert set(around(alice, ids[4])) == {"status", "feedback", "messages"}


def test_around_a_message_of_another_room(alice: PollingClient, client: Clients) -> None:
    bob = client("bob")
    bob.create_room("other")
    bob.say("other", "elsewhere")
    (elsewhere,) = bob.ok("GET", "/chat/history?roomname=other&detail=1")["messages"]
    for message_id in (elsewhere["id"], 2**62, 10**18):
        answer = bob.call("GET", f"/chat/history?roomname=public&around={message_id}")
        assert (answer.status, answer.json["status"]) == (404, "failure")
    for wrong in ("x", "0", "-1", "1.5"):
        answer = bob.call("GET", f"/chat/history?roomname=public&around={wrong}")
        assert answer.status == 400
