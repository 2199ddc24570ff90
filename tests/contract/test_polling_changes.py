"""Edits and deletions: entries of the timeline for clients that ask for them, and nothing new for all others."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from chat.models import Change, Message
from tests.conftest import FakeClock, services_of
from tests.contract.clients import FlaskTransport, PollingClient, Refused
from tests.pictures import picture as picture_bytes


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def app(make_app: Any, clock: FakeClock) -> Flask:
    made: Flask = make_app(clock)
    return made


def client(app: Flask, name: str) -> PollingClient:
    made = PollingClient(FlaskTransport(app))
    made.register(name)
    return made


@pytest.fixture
def alice(app: Flask) -> PollingClient:
    made = client(app, "alice")
    made.create_room("club")
    return made


@pytest.fixture
def bob(app: Flask, alice: PollingClient) -> PollingClient:
    made = client(app, "bob")
    made.join("club")
    return made


def say(who: PollingClient, *texts: str) -> list[int]:
    """Their ids."""
    for text in texts:
        who.say("club", text)
    path = f"/chat/history?roomname=club&detail=1&limit={len(texts)}"
    return [message["id"] for message in who.ok("GET", path)["messages"]]


def edit(who: PollingClient, message_id: int, text: str, **more: Any) -> None:
    who.ok("POST", "/chat/edit", {"roomname": "club", "id": message_id, "content": text, **more})


def delete(who: PollingClient, message_id: int) -> None:
    who.ok("POST", "/chat/delete", {"roomname": "club", "id": message_id})


def pull(who: PollingClient, cursor: str = "", query: str = "&changes=1") -> list[dict[str, Any]]:
    """Without the changes of members, who have joined before."""
    entries = who.ok("POST", f"/chat/pull?timeout=0{query}", {"club": cursor})["club"]
    return [entry for entry in entries if entry.get("change") != "members"]


def history(who: PollingClient, query: str = "") -> list[dict[str, Any]]:
    entries = who.ok("GET", f"/chat/history?roomname=club{query}")["messages"]
    return [entry for entry in entries if entry.get("change") != "members"]


def shown(entries: list[dict[str, Any]]) -> list[Any]:
    """Messages by their text, changes by their kind."""
    return [
        (entry["change"], entry["id"], entry.get("content")) if "change" in entry else entry["content"]
        for entry in entries
    ]


def refusal(who: PollingClient, path: str, body: dict[str, Any], **headers: str) -> tuple[int, str]:
    reply = who.call("POST", path, {"roomname": "club", **body}, **headers)
    assert reply.json["status"] == "failure"
    return reply.status, reply.json["feedback"]


def test_changes_come_in_their_place_among_the_messages(alice: PollingClient, bob: PollingClient) -> None:
    first, second = say(alice, "one", "two")
    edit(alice, first, "uno")
    (third,) = say(bob, "three")
    delete(bob, third)
    delete(alice, second)
    say(bob, "four")
    found = pull(bob)
    expected = ["uno", ("edited", first, "uno"), ("deleted", third, None), ("deleted", second, None), "four"]
    assert shown(found) == expected
    assert [entry["timestamp"] for entry in found] == sorted({entry["timestamp"] for entry in found})
    assert [entry["user"] for entry in found if "change" in entry] == ["alice", "bob", "alice"]
    assert shown(history(bob, "&changes=1")) == expected
    assert shown(history(bob)) == ["uno", "four"]


def test_each_change_arrives_once_for_any_cursor_and_limit(alice: PollingClient, bob: PollingClient) -> None:
    ids = say(alice, "one", "two", "three")
    edit(alice, ids[0], "uno")
    delete(alice, ids[1])
    edit(alice, ids[2], "tre")
    raw = bob.ok("POST", "/chat/pull?timeout=0&changes=1", {"club": ""})["club"]
    whole, cursor, got = raw[1:], raw[0]["timestamp"], []  # the first is that bob has joined
    assert raw[0]["change"] == "members"
    for _ in range(len(whole)):
        (entry,) = pull(bob, cursor, "&changes=1&limit=1")
        got.append(entry)
        cursor = entry["timestamp"]
    assert got == whole
    assert pull(bob, cursor) == []
    pages: list[dict[str, Any]] = []
    before = ""
    while page := history(bob, f"&changes=1&limit=2&before={before}"):
        pages, before = page + pages, page[0]["timestamp"]
    assert pages == whole


def test_without_changes_nothing_is_new(alice: PollingClient, bob: PollingClient) -> None:
    first, second = say(alice, "one", "two")
    before = pull(bob, query="")
    cursor = before[-1]["timestamp"]
    edit(alice, second, "due")
    assert pull(bob, cursor, query="") == []
    assert pull(bob, query="") == [before[0], before[1] | {"content": "due"}]
    delete(alice, first)
    assert pull(bob, query="") == [before[1] | {"content": "due"}]
    assert set(pull(bob, query="")[0]) == {"user", "type", "timestamp", "content"}
    room = next(each for each in bob.ok("GET", "/room/find?detail=1")["rooms"] if each["roomname"] == "club")
    assert room["last_time"] == cursor  # a change is no message


def test_a_cursor_of_a_change_is_a_read_mark_and_a_cursor_for_all(alice: PollingClient, bob: PollingClient) -> None:
    (first,) = say(alice, "one")
    edit(alice, first, "uno")
    end = pull(bob)[-1]["timestamp"]
    assert bob.unread("club") == 1
    assert pull(bob, end, query="") == []
    assert bob.unread("club") == 0
    (second,) = say(alice, "two")
    assert shown(pull(bob, end, query="")) == ["two"]
    delete(alice, second)
    assert bob.unread("club") == 0


def test_edited_says_when(alice: PollingClient, bob: PollingClient) -> None:
    (first,) = say(alice, "one")
    assert history(bob, "&detail=1")[-1]["edited"] is None
    edit(alice, first, "uno")
    message, change = pull(bob, query="&changes=1&detail=1")
    assert message["edited"] == change["timestamp"] == history(bob, "&detail=1")[-1]["edited"]
    assert message["timestamp"] < change["timestamp"]


def test_an_edit_of_a_deleted_message_has_no_text(app: Flask, alice: PollingClient, bob: PollingClient) -> None:
    (first,) = say(alice, "one")
    edit(alice, first, "regretted")
    before = pull(bob)
    delete(alice, first)
    for _ in range(2):  # from memory, and from the database
        assert shown(pull(bob)) == [("edited", first, ""), ("deleted", first, None)]
        services_of(app).hub.feeds.forget()
    assert "regretted" in str(before)
    with services_of(app).store.read() as connection:
        assert set(connection.execute(select(Change.before)).scalars()) == {""}
        assert set(connection.execute(select(Message.content)).scalars()) == {""}


def test_the_same_again_changes_nothing(alice: PollingClient, bob: PollingClient) -> None:
    """As after a lost answer."""
    first, second = say(alice, "one", "two")
    for _ in range(2):
        edit(alice, first, "uno", edited="")
        delete(alice, second)
    assert shown(pull(bob)) == ["uno", ("edited", first, "uno"), ("deleted", second, None)]


def test_two_edits_at_once(alice: PollingClient) -> None:
    (first,) = say(alice, "one")
    edit(alice, first, "uno", edited="")
    seen = history(alice, "&detail=1")[-1]["edited"]
    other = {"id": first, "content": "un", "edited": ""}
    assert refusal(alice, "/chat/edit", other) == (
        409,
        "The message was edited elsewhere meanwhile: look at it, and edit it again.",
    )
    edit(alice, first, "un", edited=seen)
    edit(alice, first, "eins")  # without `edited` the last edit wins
    assert history(alice)[-1]["content"] == "eins"


def test_an_edit_too_late(clock: FakeClock, alice: PollingClient) -> None:
    (first,) = say(alice, "one")
    clock.advance(15 * 60 - 1)
    edit(alice, first, "uno")
    clock.advance(2)
    body = {"id": first, "content": "un"}
    status, words = refusal(alice, "/chat/edit", body)
    assert (status, "15 minutes" in words) == (403, True)
    assert "15 分钟" in refusal(alice, "/chat/edit", body, **{"Accept-Language": "zh"})[1]
    delete(alice, first)
    assert history(alice) == []


@pytest.mark.parametrize("path", ["/chat/edit", "/chat/delete"])
def test_refused_requests(app: Flask, alice: PollingClient, bob: PollingClient, path: str) -> None:
    alice.ok("POST", "/room/create", {"roomname": "other", "type": "public"})
    alice.say("other", "elsewhere")
    elsewhere = alice.ok("GET", "/chat/history?roomname=other&detail=1")["messages"][0]["id"]
    (of_alice,) = say(alice, "hers")
    text = {"content": "new"}
    assert refusal(alice, path, {"id": elsewhere, **text})[0] == 404
    for nobodys in (0, -1, 10**30, "9" * 400):
        assert refusal(alice, path, {"id": nobodys, **text})[0] == 404
    wrongs: tuple[Any, ...] = (None, True, 1.5, "x", [], {})
    for wrong in wrongs:
        assert refusal(alice, path, {"id": wrong, **text})[0] == 400
    assert refusal(bob, path, {"id": of_alice, **text})[0] == 403
    outsider = client(app, "carol")
    assert refusal(outsider, path, {"id": of_alice, **text})[0] == 404
    bob.leave("club")
    assert refusal(bob, path, {"id": of_alice, **text})[0] == 404
    assert shown(pull(alice)) == ["hers"]


def test_texts_that_cannot_be(alice: PollingClient) -> None:
    (first,) = say(alice, "one")
    for text in ("", " ", "\u200b", "x" * 4001):
        assert refusal(alice, "/chat/edit", {"id": first, "content": text})[0] == 400
    assert refusal(alice, "/chat/edit", {"id": first, "content": 3})[0] == 400
    assert refusal(alice, "/chat/edit", {"id": first})[0] == 400
    assert refusal(alice, "/chat/edit", {"id": first, "content": "x", "edited": "yesterday"})[0] == 400


def test_a_picture_is_deleted_and_not_edited(alice: PollingClient, bob: PollingClient) -> None:
    alice.show("club", picture_bytes())
    picture = history(alice, "&detail=1")[-1]["id"]
    assert refusal(alice, "/chat/edit", {"id": picture, "content": "x"})[0] == 400
    delete(alice, picture)
    assert shown(pull(bob)) == [("deleted", picture, None)]


def test_the_owner_deletes_messages_of_others_but_cannot_edit_them(alice: PollingClient, bob: PollingClient) -> None:
    (first,) = say(bob, "his")
    assert refusal(alice, "/chat/edit", {"id": first, "content": "hers"})[0] == 403
    with pytest.raises(Refused, match="forbidden"):
        edit(alice, first, "hers")
    delete(alice, first)
    assert history(bob) == []
