"""/chat/history (docs/protocols/polling.md)."""

from typing import Any

import pytest

from tests.contract.clients import PollingClient
from tests.contract.conftest import Clients
from tests.contract.polling_steps import texts


@pytest.fixture
def alice(client: Clients) -> PollingClient:
    return client("alice")


UNTOUCHED: dict[str, Any] = {"edited": None, "reactions": {}, "mentions": [], "mentions_all": False}


def test_history_pages_backwards(alice: PollingClient) -> None:
    for i in range(7):
        alice.say("public", str(i))
    newest = alice.ok("GET", "/chat/history?roomname=public&limit=3")["messages"]
    assert texts(newest) == ["4", "5", "6"]
    older = alice.ok("GET", f"/chat/history?roomname=public&limit=3&before={newest[0]['timestamp']}")["messages"]
    assert texts(older) == ["1", "2", "3"]
    oldest = alice.ok("GET", f"/chat/history?roomname=public&detail=1&before={older[0]['timestamp']}")["messages"]
    assert texts(oldest) == ["0"]
    assert oldest[0]["id"] == 1
    paged = alice.ok("GET", "/chat/history?roomname=public&limit=3")
    assert set(paged) == {"status", "feedback", "messages"}
    detailed = [alice.ok("GET", f"/chat/history?roomname=public&detail=1&limit={limit}") for limit in (6, 7, 8)]
    assert [(len(page["messages"]), page["more"]) for page in detailed] == [(6, True), (7, False), (7, False)]
    assert alice.call("GET", "/chat/history?roomname=public&before=junk").status == 400
    assert alice.call("GET", "/chat/history").status == 400
    assert alice.call("GET", "/chat/history?roomname=nowhere").status == 404


def test_history_that_is_cut_by_its_size_says_that_there_is_more(
    alice: PollingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.http.compact_json.ANSWER_MAX_BYTES", 500)
    for letter in "abc":
        alice.say("public", letter * 200)
    page = alice.ok("GET", "/chat/history?roomname=public&detail=1")
    assert ([each["content"][0] for each in page["messages"]], page["more"]) == (["c"], True)


def test_history_is_for_members(alice: PollingClient, client: Clients) -> None:
    bob = client("bob")
    bob.create_room("bobs")
    bob.say("bobs", "secret")
    assert alice.call("GET", "/chat/history?roomname=bobs").status == 404
