"""/User, /Login, /Logout, row by row (docs/protocols/realtime.md; docs/specification.md, "realtime" and "Account")."""

import hashlib
from typing import Any

import pytest
from flask import Flask

from tests.contract.clients import Caller, FlaskTransport, PollingClient

ZHANG = {"username": "zhangjiagou", "password": "zjh1997@stupid", "nickname": "I'm angry"}
LOGIN = {"username": "zhangjiagou", "password": "zjh1997@stupid"}


@pytest.fixture
def caller(app: Flask) -> Caller:
    return Caller(FlaskTransport(app))


@pytest.fixture
def zhang(caller: Caller) -> Caller:
    """Registered and logged in, as in the document."""
    assert caller.call("POST", "/User", ZHANG).status == 201
    assert caller.call("POST", "/Login", LOGIN).json == {"status": True}
    return caller


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


def log_in(app: Flask, password: str, username: str = "zhangjiagou") -> Any:
    """Return the answer to a login by a new client, which is then logged in exactly if it says so."""
    fresh = Caller(FlaskTransport(app))
    reply = fresh.call("POST", "/Login", {"username": username, "password": password})
    assert reply.status == 200
    assert ("Set-Cookie" in reply.headers) is reply.json["status"]
    assert (fresh.call("GET", "/Room").status == 200) is reply.json["status"]
    return reply.json


def test_a_new_user_as_documented(caller: Caller) -> None:
    reply = caller.call("POST", "/User", ZHANG)
    assert reply.status == 201
    assert reply.json == {"username": "zhangjiagou", "nickname": "I'm angry"}
    assert "Set-Cookie" not in reply.headers
    assert caller.call("GET", "/Room").status == 401  # one logs in at /Login


@pytest.mark.parametrize("nickname", [{}, {"nickname": None}, {"nickname": ""}])
def test_the_nickname_defaults_to_the_username(caller: Caller, nickname: dict[str, Any]) -> None:
    reply = caller.call("POST", "/User", LOGIN | nickname)
    assert (reply.status, reply.json) == (201, {"username": "zhangjiagou", "nickname": "zhangjiagou"})


def test_a_user_that_exists_is_a_conflict(caller: Caller, zhang: Caller) -> None:
    for username in ("zhangjiagou", "ZhangJiaGou", "ｚhangjiagou"):
        reply = caller.call("POST", "/User", ZHANG | {"username": username})
        assert (reply.status, reply.json["status"]) == (409, False)
    assert zhang.call("GET", "/User/zhangjiagou").json["nickname"] == "I'm angry"


def test_a_nickname_that_is_anothers_username_is_a_conflict(caller: Caller, zhang: Caller) -> None:
    reply = caller.call("POST", "/User", LOGIN | {"username": "wang", "nickname": "ZhangJiaGou"})
    error = "The nickname ZhangJiaGou is another user's name: choose another one."
    assert (reply.status, reply.json) == (409, {"status": False, "error": error})
    assert caller.call("POST", "/User", LOGIN | {"username": "I'M ANGRY"}).status == 409


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": ""}, {"username": "x" * 33}, {"username": " x"}, {"username": "a\nb"}, {"username": "x" * 401},
        {"password": "12345"}, {"password": "x" * 129}, {"nickname": "x" * 33}, {"nickname": "a\tb"}, {"nickname": " "},
    ],
)  # fmt: skip
def test_users_that_are_refused(caller: Caller, wrong: dict[str, str]) -> None:
    reply = caller.call("POST", "/User", ZHANG | wrong)
    assert (reply.status, reply.json["status"]) == (400, False)
    assert caller.call("GET", "/User/zhangjiagou").status == 404


def test_looking_up_a_user_needs_no_login(app: Flask, zhang: Caller) -> None:
    stranger = Caller(FlaskTransport(app))
    for path in ("/User/zhangjiagou", "/User/zhangjiagou/", "/User/ZHANGJIAGOU"):
        reply = stranger.call("GET", path)
        assert (reply.status, reply.json) == (200, {"username": "zhangjiagou", "nickname": "I'm angry"})


@pytest.mark.parametrize("name", ["张三", "two words", "50%", "a/b", "a//b", "#1", "?x", "O'Brien; DROP TABLE users--"])
def test_any_username_can_be_looked_up(caller: Caller, name: str) -> None:
    caller.call("POST", "/User", LOGIN | {"username": name})
    escaped = "".join(f"%{byte:02X}" for byte in name.encode())
    assert caller.call("GET", f"/User/{escaped}").json == {"username": name, "nickname": name}


@pytest.mark.both_databases
@pytest.mark.parametrize("path", ["nobody", "%00", "%FF", "%ED%A0%80", "x" * 5000, "a/b/c", "..", "zhangjiagou%00"])
def test_users_that_are_not_there(zhang: Caller, path: str) -> None:
    reply = zhang.call("GET", f"/User/{path}")
    assert (reply.status, reply.json["status"], set(reply.json)) == (404, False, {"status", "error"})


def test_login_takes_digests_in_any_case_and_the_plain_password(app: Flask, zhang: Caller) -> None:
    password = ZHANG["password"]
    for given in (md5(password), md5(password).upper(), sha1(password), sha1(password).upper(), password):
        assert log_in(app, given) == {"status": True}, given
    assert log_in(app, sha1(password), username="ZHANGJIAGOU") == {"status": True}


def test_a_failed_login_says_so_and_no_more(app: Flask, zhang: Caller) -> None:
    password = ZHANG["password"]
    for wrong in ("", "x" * 40, md5("other"), sha1("other"), md5(md5(password)), sha1(password)[:-1], f" {password}"):
        assert log_in(app, wrong) == {"status": False}, wrong
    assert log_in(app, password, username="nobody") == {"status": False}


def test_a_password_that_looks_like_a_digest(app: Flask, caller: Caller) -> None:
    for name, password in (("a", md5("x")), ("b", sha1("x")), ("c", md5("x").upper())):
        caller.call("POST", "/User", {"username": name, "password": password})
        assert log_in(app, password, name) == {"status": True}
        assert log_in(app, md5(password), name) == {"status": True}
        assert log_in(app, sha1(password), name) == {"status": True}
        assert log_in(app, "x", name) == {"status": False}
    assert log_in(app, md5("x"), "c") == {"status": False}  # as a plain password, case counts


def test_a_digest_is_taken_of_the_bytes_as_they_were_typed(app: Flask, caller: Caller) -> None:
    caller.call("POST", "/User", {"username": "李", "password": "пароль密码é"})
    assert log_in(app, md5("пароль密码é"), "李") == {"status": True}
    assert log_in(app, md5("пароль密码e\u0301"), "李") == {"status": False}


def test_a_digest_is_a_password_at_this_login_only(app: Flask, zhang: Caller) -> None:
    visitor = Caller(FlaskTransport(app))
    for digest in (md5(ZHANG["password"]), sha1(ZHANG["password"])):
        refused = visitor.call("POST", "/user/login", LOGIN | {"password": digest})
        assert (refused.status, "Set-Cookie" in refused.headers) == (401, False)
        assert log_in(app, digest) == {"status": True}


def test_one_account_serves_both_protocols(app: Flask, zhang: Caller) -> None:
    assert zhang.call("GET", "/user/me").json["nickname"] == "I'm angry"  # the session is an ordinary one
    polling = PollingClient(FlaskTransport(app))
    polling.login("zhangjiagou", ZHANG["password"])
    assert polling.call("GET", "/Room").status == 200
    polling.register("made elsewhere", "secret1")
    assert log_in(app, md5("secret1"), "made elsewhere") == {"status": True}


def test_the_cookie_and_the_token(app: Flask, zhang: Caller) -> None:
    cookie = zhang.call("POST", "/Login", LOGIN).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    token = cookie.split("=", 1)[1].split(";")[0]
    stranger = Caller(FlaskTransport(app))
    for form in (token, f"Bearer {token}"):
        assert stranger.call("GET", "/Room", Authorization=form).status == 200
        assert stranger.call("POST", "/Room", {"name": "r"}, Authorization=form).status == 201
    assert zhang.call("GET", "/Room", Authorization="nonsense").status == 401  # the header alone decides


def test_logout_ends_the_session(app: Flask, zhang: Caller) -> None:
    token = zhang.call("POST", "/Login", LOGIN).headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    reply = zhang.call("POST", "/Logout")
    assert (reply.status, reply.json) == (200, {"status": True})
    assert reply.headers["Set-Cookie"].partition("=")[2].startswith(";")
    again = zhang.call("POST", "/Logout")
    assert (again.status, again.json["status"], set(again.json)) == (401, False, {"status", "error"})
    assert Caller(FlaskTransport(app)).call("GET", "/Room", Authorization=token).status == 401


def test_a_user_who_logs_out_after_registration_is_offline(app: Flask, zhang: Caller) -> None:
    other = PollingClient(FlaskTransport(app))
    other.register("other")
    assert other.online("public") == {"zhangjiagou", "other"}
    zhang.call("POST", "/Logout")
    assert other.online("public") == {"other"}


def test_error_is_in_the_language_asked_for(caller: Caller) -> None:
    for language, word in (
        ("zh-CN,zh;q=0.9", "不存在"),
        ("en", "does not exist"),
        ("", "does not exist"),
        ("fr", "does not exist"),
    ):
        assert word in caller.call("GET", "/User/nobody", **{"Accept-Language": language}).json["error"]
