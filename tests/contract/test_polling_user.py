"""/user, row by row (docs/protocols/polling.md; docs/specification.md, "polling" and "Account")."""

import hashlib
import json
import time

import pytest
from flask import Flask
from sqlalchemy import update

from chat.models import User
from tests.conftest import services_of
from tests.contract.conftest import Clients

NOBODY = {"username": "nobody", "password": "secret1"}


def test_register_logs_in_and_answers_as_documented(client: Clients) -> None:
    alice = client()
    reply = alice.call("POST", "/user/register", {"username": "alice", "password": "secret1"})
    assert reply.status == 200
    assert set(reply.json) == {"status", "feedback"}
    cookie = reply.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    me = alice.ok("GET", "/user/me")
    assert {key: me[key] for key in ("username", "nickname", "email")} == {
        "username": "alice",
        "nickname": "alice",
        "email": "",
    }
    assert isinstance(me["id"], int)


ORDINARY = ["a", "张三", "x" * 32, "two words", "émile", "👩‍🏫", "O'Brien; DROP TABLE users--", "%_"]


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_usernames(client: Clients, name: str) -> None:
    client(name).logout()
    again = client()
    again.login(name)
    assert again.ok("GET", "/user/me")["username"] == name


@pytest.mark.parametrize(
    "name", ["", " ", "x" * 33, " lead", "trail ", "a\tb", "new\nline", "bell\x07", "\u202eevil", "\u2028", "\u00a0x"]
)
def test_usernames_that_are_refused(client: Clients, name: str) -> None:
    reply = client().call("POST", "/user/register", {"username": name, "password": "secret1"})
    assert (reply.status, reply.json["status"]) == (400, "failure")
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize(("password", "status"), [("12345", 400), ("123456", 200), ("x" * 128, 200), ("x" * 129, 400)])
def test_password_length(client: Clients, password: str, status: int) -> None:
    reply = client().call("POST", "/user/register", {"username": "alice", "password": password})
    assert reply.status == status


def test_wrong_password_and_unknown_user_get_the_same_words(client: Clients) -> None:
    client("alice")
    wrong = client().call("POST", "/user/login", {"username": "alice", "password": "not it"})
    unknown = client().call("POST", "/user/login", NOBODY)
    assert (wrong.status, wrong.body) == (unknown.status, unknown.body)
    assert wrong.status == 401


def test_a_digest_is_no_password_here(client: Clients) -> None:
    client("alice")
    for digest in (hashlib.md5(b"secret1").hexdigest(), hashlib.sha1(b"secret1").hexdigest()):
        assert client().call("POST", "/user/login", {"username": "alice", "password": digest}).status == 401


def test_logout_kills_the_token_on_the_server(client: Clients) -> None:
    alice = client("alice")
    login = alice.call("POST", "/user/login", {"username": "alice", "password": "secret1"})
    token = login.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    stranger = client()
    for form in (token, f"Bearer {token}", f"bearer  {token}"):
        assert stranger.call("GET", "/user/me", Authorization=form).status == 200
    alice.logout()
    assert stranger.call("GET", "/user/me", Authorization=token).status == 401
    assert alice.call("POST", "/user/logout", {}).status == 401


def test_the_authorization_header_alone_decides_where_there_is_one(client: Clients) -> None:
    alice = client("alice")
    for junk in ("", "Bearer", "Bearer ", "nonsense", "Basic YTpi", "a.b.c"):
        assert alice.call("GET", "/user/me", Authorization=junk).status == 401
    assert alice.call("GET", "/user/me").status == 200


def test_feedback_comes_in_the_language_asked_for(client: Clients) -> None:
    for language, word in (("zh-CN,zh;q=0.9", "密码错误"), ("en", "Wrong"), ("", "Wrong"), ("fr", "Wrong")):
        reply = client().call("POST", "/user/login", NOBODY, **{"Accept-Language": language})
        assert word in reply.json["feedback"]


def test_two_logins_are_two_sessions(client: Clients) -> None:
    phone, laptop = client("alice"), client()
    laptop.login("alice")
    phone.logout()
    assert laptop.ok("GET", "/user/me")["username"] == "alice"


def test_curl_without_a_header_and_other_content_types(client: Clients) -> None:
    body = json.dumps({"username": "alice", "password": "secret1"}).encode()
    types = ("application/x-www-form-urlencoded", "text/plain", "application/xml", "application/json; charset=utf-8")
    assert client().call("POST", "/user/register", body, **{"Content-Type": types[0]}).status == 200
    for content_type in types:
        assert client().call("POST", "/user/login", body, **{"Content-Type": content_type}).status == 200
    multipart = client().call("POST", "/user/login", body, **{"Content-Type": "multipart/form-data; boundary=x"})
    assert multipart.status == 400


def test_a_request_for_another_user_than_the_cookies_is_refused(client: Clients) -> None:
    alice, bob = client("alice"), client("bob")
    ids = {name: str(who.ok("GET", "/user/me")["id"]) for name, who in (("alice", alice), ("bob", bob))}
    said = {"roomname": "public", "new_message": {"type": "text", "content": "hello"}}
    assert alice.call("POST", "/chat/send", said, **{"X-Chat-User": ids["alice"]}).status == 200
    for meant in (ids["bob"], "", "x", f" {ids['alice']}0"):
        refused = alice.call("POST", "/chat/send", said, **{"X-Chat-User": meant})
        assert (refused.status, refused.json["status"]) == (401, "failure")
    assert alice.call("POST", "/user/logout", {}, **{"X-Chat-User": ids["bob"]}).status == 401
    assert [m["user"] for m in alice.ok("GET", "/chat/history?roomname=public")["messages"]] == ["alice"]


def test_a_session_tells_why_it_has_ended(app: Flask, client: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    services = services_of(app)

    def state_of(token: str) -> tuple[str, str]:
        found = stranger.call("GET", "/user/session", Authorization=token).json
        return found["state"], found["username"]

    stranger, alice = client(), client("alice")
    assert stranger.ok("GET", "/user/session")["state"] == "none"
    assert state_of("nonsense") == ("none", "")
    tokens = []
    for _ in range(2):
        reply = alice.call("POST", "/user/login", {"username": "alice", "password": "secret1"})
        tokens.append(reply.headers["Set-Cookie"].split("=", 1)[1].split(";")[0])
    assert state_of(tokens[1]) == ("living", "alice")
    alice.logout()
    assert state_of(tokens[1]) == ("ended", "")
    now = time.time()
    monkeypatch.setattr("chat.services.credentials.time.time", lambda: now + 5)
    with app.app_context():
        services.accounts.set_password("alice", "secret2")
    assert state_of(tokens[0]) == ("password", "")
    with services.store.write() as tx:
        tx.execute(update(User).values(deleted_at=1))
    assert state_of(tokens[0]) == ("deleted", "")


def test_a_client_that_asks_gets_codes_and_numbers_with_failures(client: Clients) -> None:
    alice = client("alice")
    ask = {"X-Chat-Errors": "codes"}
    long = {"roomname": "public", "new_message": {"content": "x" * 4001}}
    refused = alice.call("POST", "/chat/send", long, **ask)
    assert (refused.status, set(refused.json)) == (400, {"status", "feedback", "code", "data"})
    assert (refused.json["code"], refused.json["data"]) == ("MESSAGE_TOO_LONG", {"limit": 4000})
    unknown = alice.call("POST", "/room/join", {"roomname": "nowhere"}, **ask)
    assert (unknown.json["code"], unknown.json["data"]) == ("ROOM_NOT_FOUND", {})
    assert set(alice.call("POST", "/room/join", {"roomname": "nowhere"}).json) == {"status", "feedback"}
