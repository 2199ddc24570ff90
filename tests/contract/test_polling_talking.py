"""Reactions, replies, mentions and typing."""

from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask

from chat.emoji import emoji_of
from chat.equations import hash_of
from chat.services.mentions import MOST_NAMES
from tests.conftest import services_of
from tests.contract.clients import PollingClient
from tests.contract.registered import ims
from tests.contract.test_polling_changes import alice, bob, client, clock, history, pull, refusal, say, shown

__all__ = ["alice", "app", "bob", "clock"]


@pytest.fixture
def app(make_app: Any, clock: Any) -> Flask:
    made: Flask = make_app(clock, rate_limits=False)
    return made


def react(who: PollingClient, message_id: int, emoji: str, **more: Any) -> None:
    who.ok("POST", "/chat/react", {"roomname": "club", "id": message_id, "emoji": emoji, **more})


def newest(who: PollingClient) -> dict[str, Any]:
    return history(who, "&detail=1")[-1]


def send(who: PollingClient, text: str, **more: Any) -> None:
    who.ok("POST", "/chat/send", {"roomname": "club", "new_message": {"type": "text", "content": text, **more}})


def mentions(who: PollingClient) -> tuple[int, int]:
    """Unread messages, and those among them that name one."""
    room = next(each for each in who.ok("GET", "/room/find?detail=1")["rooms"] if each["roomname"] == "club")
    return room["unread"], room["mentions"]


# Reactions


def test_reactions_are_changes_and_a_state(alice: PollingClient, bob: PollingClient) -> None:
    (first,) = say(alice, "one")
    end = pull(bob)[-1]["timestamp"]
    react(alice, first, "👍")
    react(bob, first, "❤")
    react(bob, first, "👍", on=True)
    react(alice, first, "👍", on=False)
    entries = pull(bob, end)
    assert [(each["change"], each["id"], each["user"], each["emoji"], each["on"]) for each in entries] == [
        ("reactions", first, "alice", "👍", True),
        ("reactions", first, "bob", "❤️", True),
        ("reactions", first, "bob", "👍", True),
        ("reactions", first, "alice", "👍", False),
    ]
    assert newest(alice)["reactions"] == {"❤️": ["bob"], "👍": ["bob"]}
    from_memory = pull(bob, query="&changes=1&detail=1")
    assert from_memory[0]["reactions"] == newest(alice)["reactions"]


def test_one_person_reacts_once_a_kind(alice: PollingClient, bob: PollingClient) -> None:
    """As after a lost answer; with or without the selector that makes a picture of it."""
    (first,) = say(alice, "one")
    for emoji in ("❤", "❤️", "❤"):
        react(bob, first, emoji)
    assert newest(alice)["reactions"] == {"❤️": ["bob"]}
    for _ in range(2):
        react(bob, first, "❤", on=False)
    assert newest(alice)["reactions"] == {}
    assert len(pull(alice)) == 3


@pytest.mark.parametrize("emoji", ["👍", "👍🏽", "❤️", "1️⃣", "🇩🇪", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "☝🏽", "©️", "🫨"])
def test_emoji(emoji: str) -> None:
    assert emoji_of(emoji) == emoji == emoji_of(emoji.replace("\ufe0f", ""))


@pytest.mark.parametrize(
    "text", ["", "a", "1", "#", "👍👍", "👍 ", " 👍", ":)", "<b>", "\u200d", "\ufe0f", "🇩", "é", "好", "👍" * 40]
)
def test_anything_but_an_emoji_is_refused(alice: PollingClient, text: str) -> None:
    (first,) = say(alice, "one")
    status, words = refusal(alice, "/chat/react", {"id": first, "emoji": text})
    assert (status, "one emoji" in words) == (400, True)
    assert newest(alice)["reactions"] == {}


def test_twenty_kinds_a_message(alice: PollingClient, bob: PollingClient) -> None:
    (first,) = say(alice, "one")
    kinds = [chr(0x1F600 + number) for number in range(21)]
    for kind in kinds[:20]:
        react(bob, first, kind)
    status, words = refusal(alice, "/chat/react", {"id": first, "emoji": kinds[20]})
    assert (status, "20 kinds" in words) == (409, True)
    react(alice, first, kinds[0])
    react(bob, first, kinds[1], on=False)
    react(alice, first, kinds[20])
    assert len(newest(alice)["reactions"]) == 20


def test_permission_to_react(app: Flask, alice: PollingClient, bob: PollingClient) -> None:
    alice.ok("POST", "/room/create", {"roomname": "other", "type": "public"})
    alice.say("other", "elsewhere")
    elsewhere = alice.ok("GET", "/chat/history?roomname=other&detail=1")["messages"][0]["id"]
    (first,) = say(alice, "one")
    outsider = client(app, "carol")
    for who, message_id, status in ((outsider, first, 404), (alice, elsewhere, 404), (alice, 0, 404)):
        assert refusal(who, "/chat/react", {"id": message_id, "emoji": "👍"})[0] == status
    wrongs: list[dict[str, Any]] = [{"emoji": 3}, {"emoji": None}, {}, {"emoji": "👍", "on": "yes"}]
    for wrong in wrongs:
        assert refusal(alice, "/chat/react", {"id": first, **wrong})[0] == 400
    bob.ok("POST", "/chat/react", {"roomname": "club", "id": first, "emoji": "👍"})
    alice.ok("POST", "/chat/delete", {"roomname": "club", "id": first})
    assert refusal(bob, "/chat/react", {"id": first, "emoji": "👍", "on": False})[0] == 404


# Replies


def test_a_reply_names_what_it_answers(alice: PollingClient, bob: PollingClient) -> None:
    (first,) = say(alice, "one")
    send(bob, "two", reply_to=first)
    assert newest(alice)["reply_to"] == first
    alice.ok("POST", "/chat/delete", {"roomname": "club", "id": first})
    assert refusal(bob, "/chat/send", {"new_message": {"type": "text", "content": "x", "reply_to": first}})[0] == 404
    wrongs: tuple[Any, ...] = ("x", True, 1.5, [])
    for wrong in wrongs:
        body = {"new_message": {"type": "text", "content": "x", "reply_to": wrong}}
        assert refusal(bob, "/chat/send", body)[0] == 400
    assert newest(alice)["reply_to"] == first


# Mentions


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@bob", ["bob"]),
        ("hello @BOB, and you", ["bob"]),
        ("(@bob)", ["bob"]),
        ("你好@bob你呢", ["bob"]),
        ("@bob@carol", ["bob"]),
        ("@bobby and x@bob.example", []),
        ('@"bob" @bob', ["bob"]),
        ('@"Ms Berger", please', ["Ms Berger"]),
        ("@Ms Berger", []),
        ("@小明你好", ["小明"]),
        ("@nobody @ @@ @\u200b", []),
        ("@all", []),
        ("@x " * (MOST_NAMES + 5) + "@bob", []),
    ],
)
def test_the_users_that_a_text_names(
    app: Flask, alice: PollingClient, bob: PollingClient, text: str, named: list[str]
) -> None:
    for name in ("Ms Berger", "小明"):
        client(app, name).join("club")
    send(bob, text)
    assert (newest(alice)["mentions"], newest(alice)["mentions_all"]) == (named, False)


def test_an_account_by_mail_address_is_mentioned_by_number(
    app: Flask, alice: PollingClient, bob: PollingClient
) -> None:
    li = ims(app, "li")
    client(app, f"#{li.id}").join("club")
    send(bob, f"@#{li.id} is not here")
    assert newest(alice)["mentions"] == [f"#{li.id}"]
    assert li.call("POST", "/room/join", {"roomname": "club"}).status == 200
    send(bob, f"@#{li.id}, meet @#{bob.ok('GET', '/user/me')['id']}")
    assert newest(alice)["mentions"] == ["li@example.com"]


def test_mentions_count_among_the_unread(alice: PollingClient, bob: PollingClient) -> None:
    send(alice, "@bob one")
    send(alice, "@all two")
    send(alice, "three")
    send(alice, "@bob @all both count once")
    send(bob, "@bob @alice mine")
    assert mentions(bob) == (4, 3)
    assert mentions(alice) == (1, 1)
    assert newest(alice)["mentions"] == ["alice", "bob"]
    assert [each["mentions_all"] for each in history(bob, "&detail=1")] == [False, True, False, True, False]
    end = pull(bob)[2]["timestamp"]
    pull(bob, end)
    assert mentions(bob) == (1, 1)
    alice.ok("POST", "/chat/delete", {"roomname": "club", "id": history(bob, "&detail=1")[3]["id"]})
    assert mentions(bob) == (0, 0)


def test_an_edit_names_others(alice: PollingClient, bob: PollingClient) -> None:
    (first,) = say(alice, "@bob one")
    end = pull(bob)[-1]["timestamp"]
    alice.ok("POST", "/chat/edit", {"roomname": "club", "id": first, "content": "@alice one"})
    (change,) = pull(bob, end)
    assert (change["mentions"], change["mentions_all"]) == (["alice"], False)
    assert pull(bob, query="&changes=1&detail=1")[0]["mentions"] == newest(bob)["mentions"] == ["alice"]
    assert mentions(bob)[1] == 0


# Typing


def test_typing_is_no_entry_of_the_room(app: Flask, alice: PollingClient, bob: PollingClient) -> None:
    outsider = client(app, "carol")
    assert refusal(outsider, "/chat/typing", {})[0] == 404
    alice.ok("POST", "/chat/typing", {"roomname": "club"})
    assert pull(bob) == []


@pytest.mark.sqlite_only  # where no other process may serve the room; else events tell it
def test_typing_is_told_and_not_stored(app: Flask, alice: PollingClient) -> None:
    services = services_of(app)
    with services.store.read() as connection:
        before = connection.exec_driver_sql("SELECT max(id) FROM events").scalar()
    alice.ok("POST", "/chat/typing", {"roomname": "club"})
    with services.store.read() as connection:
        assert connection.exec_driver_sql("SELECT max(id) FROM events").scalar() == before


def test_nothing_of_it_is_in_answers_without_detail(alice: PollingClient, bob: PollingClient) -> None:
    (first,) = say(alice, "@bob one")
    react(bob, first, "👍")
    send(bob, "two", reply_to=first)
    assert all(set(each) == {"user", "type", "timestamp", "content"} for each in pull(bob, query=""))
    assert shown(pull(bob, query="")) == ["@bob one", "two"]


# Equations


def ask_equation(who: PollingClient, tex: str, name: str | None = None) -> Any:
    query = urlencode({"hash": name or hash_of(tex), "tex": tex})
    return who.call("GET", f"/chat/equation?{query}", **{"X-Chat-Errors": "codes"})


def test_an_equation_is_asked_for_by_its_hash(alice: PollingClient) -> None:
    answer = ask_equation(alice, "x^2")
    assert answer.json["mathml"] == ["math", {}, ["mrow", {}, ["msup", {}, ["mi", {}, "x"], ["mn", {}, "2"]]]]
    assert "immutable" in answer.headers["Cache-Control"]
    assert ask_equation(alice, "x^2", hash_of("y")).json["code"] == "FIELD_INVALID"
    assert ask_equation(alice, "x^2", "no hash").json["code"] == "FIELD_INVALID"
    assert ask_equation(alice, "x^").json["code"] == "EQUATION_INVALID"


# Announcements


def test_announcements_count_messages_only(alice: PollingClient, bob: PollingClient) -> None:
    first, _ = say(alice, "one", "two")
    react(bob, first, "👍")
    pulled = alice.ok("POST", "/chat/pull?changes=1&timeout=0", {"club": ""})
    assert (len(pulled["club"]), pulled["feedback"]) == (4, "2 messages.")  # bob has joined, too
    read = alice.ok("GET", "/chat/history?roomname=club&changes=1")
    assert (len(read["messages"]), read["feedback"]) == (4, "2 messages.")
    only_changes = alice.ok("POST", "/chat/pull?changes=1&timeout=0", {"club": pulled["club"][2]["timestamp"]})
    assert only_changes["feedback"] == "Nothing new."
