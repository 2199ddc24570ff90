"""/site, and refusals by the site's settings in the words of each protocol."""

from collections.abc import Callable

from flask import Flask

from chat.clock import SECOND
from chat.services import erasing
from tests.conftest import FakeClock, services_of
from tests.contract.clients import PollingClient, Reply
from tests.contract.registered import polling

MakeApp = Callable[..., Flask]
Clients = Callable[..., PollingClient]


def registrations(app: Flask, join_code: str | None) -> dict[str, Reply]:
    """A try in each HTTP protocol (tcp's is in tests/tcp/test_failures.py)."""
    nobody = polling(app)
    more = {} if join_code is None else {"join_code": join_code}
    named = {"username": "new", "password": "secret1"}
    return {
        "polling": nobody.call("POST", "/user/register", named | more),
        "realtime": nobody.call("POST", "/User", named | {"username": "new2"} | more),
        "roomapi": nobody.call("POST", "/register", named | {"username": "new3"} | more),
        "ims": nobody.call("POST", "/account/reg", {"email": "n@x.org", "password": "secret1", "name": "n"} | more),
    }


def test_closed_registration_is_refused_as_each_protocol_does(make_app: MakeApp) -> None:
    app = make_app(registration="closed")
    found = registrations(app, None)
    assert found["polling"].status == 403
    assert found["polling"].json["feedback"] == "Nobody can register here: ask a teacher for an account."
    assert (found["realtime"].status, found["realtime"].json["status"]) == (403, False)
    assert (found["roomapi"].status, found["roomapi"].json["code"]) == (200, 1)
    assert found["roomapi"].json["msg"] == "注册失败，此处不开放注册，请向老师索取账号"
    assert (found["ims"].status, found["ims"].json) == (403, {"code": -3, "info": "Registration closed"})
    assert services_of(app).user_directory.count()[0] == 0


def test_the_names_of_erased_accounts_are_taken_in_every_protocol(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(clock)
    taken = registrations(app, None)
    assert [reply.status for reply in taken.values()] == [200, 201, 200, 200]
    again = registrations(app, None)
    for username in ("new", "new2", "new3", "n@x.org"):
        services_of(app).teachers.delete(None, username)
    clock.advance(erasing.KEPT // SECOND + 1)
    services_of(app).eraser.erase()
    found = registrations(app, None)
    assert {protocol: (reply.status, reply.json) for protocol, reply in found.items()} == {
        protocol: (reply.status, reply.json) for protocol, reply in again.items()
    }
    assert services_of(app).user_directory.count()[0] == 0


def test_registration_by_code_in_every_protocol(app: Flask, teacher: PollingClient) -> None:
    settings = teacher.ok("POST", "/site/settings", {"version": 0, "registration": "code"})
    for code in (None, "ABCDEF"):
        found = registrations(app, code)
        assert found["polling"].status == found["realtime"].status == found["ims"].status == 403
        assert found["polling"].json["feedback"] == "A valid join code is needed: ask your teacher for it."
        assert found["roomapi"].json["code"] == 1
        assert found["ims"].json == {"code": -3, "info": "Join code required"}
    good = registrations(app, settings["code"])
    assert [reply.status for reply in good.values()] == [200, 201, 200, 200]
    assert good["roomapi"].json["code"] == 0
    assert services_of(app).user_directory.count()[0] == 5


def test_a_disabled_account_is_refused_as_each_protocol_does(app: Flask, teacher: PollingClient) -> None:
    pupil = polling(app, "pupil")
    for person in teacher.ok("GET", "/site/people")["people"][1:]:
        teacher.ok("POST", "/site/people/disable", {"user": person["username"], "disabled": True})
    assert pupil.call("GET", "/user/me").status == 401
    assert pupil.call("GET", "/user/session").json["state"] == "disabled"
    named = {"username": "pupil", "password": "secret1"}
    refused = pupil.call("POST", "/user/login", named)
    assert refused.status == 403
    assert refused.json["feedback"] == "This account has been disabled by a teacher: ask one."
    assert pupil.call("POST", "/Login", named).status == 403
    by_roomapi = pupil.call("POST", "/login", named)
    assert (by_roomapi.status, by_roomapi.json["code"], by_roomapi.json["data"]) == (200, 1, None)
    by_ims = pupil.call("POST", "/account/login", {"email": "pupil", "password": "secret1"})
    assert (by_ims.status, by_ims.json) == (403, {"code": -3, "info": "Account disabled"})


def test_the_console_is_for_teachers(app: Flask, teacher: PollingClient) -> None:
    pupil, nobody = polling(app, "pupil"), polling(app)
    calls: list[tuple[str, str, object]] = [
        ("GET", "/site/settings", None),
        ("POST", "/site/settings", {"version": 0, "name": "mine"}),
        ("GET", "/site/people", None),
        ("POST", "/site/people/reset_password", {"user": "teacher"}),
        ("POST", "/site/people/disable", {"user": "teacher", "disabled": True}),
        ("POST", "/site/people/teacher", {"user": "pupil", "teacher": True}),
        ("POST", "/site/people/rename", {"user": "teacher", "nickname": "x"}),
        ("POST", "/site/people/delete", {"user": "teacher"}),
    ]
    for method, path, body in calls:
        assert nobody.call(method, path, body).status == 401, path
        reply = pupil.call(method, path, body)
        assert (reply.status, reply.json["feedback"]) == (403, "Only teachers may do this."), path
    assert teacher.ok("GET", "/user/me?detail=1")["teacher"] is True
    assert pupil.ok("GET", "/user/me?detail=1")["teacher"] is False
    assert set(pupil.ok("GET", "/user/me")) == {"status", "feedback", "username", "nickname", "id", "email"}


def test_teachers_manage_accounts(app: Flask, teacher: PollingClient) -> None:
    pupil = polling(app, "pupil")
    teacher.ok("POST", "/site/people/rename", {"user": "pupil", "nickname": "王小明"})
    assert pupil.ok("GET", "/user/me")["nickname"] == "王小明"
    again = teacher.ok("POST", "/site/people/rename", {"user": "pupil", "nickname": "王小明"})
    assert again["feedback"] == "They have that name already."
    nothing = teacher.call("POST", "/site/people/rename", {"user": "pupil"})
    assert (nothing.status, nothing.json["feedback"]) == (400, "username / nickname is missing: add it.")
    password = teacher.ok("POST", "/site/people/reset_password", {"user": "pupil"})["password"]
    assert pupil.call("GET", "/user/me").status == 401
    assert pupil.call("GET", "/user/session").json["state"] == "password"  # in the second of the log-in, too
    pupil.login("pupil", password)
    assert pupil.ok("GET", "/user/me?detail=1")["must_change_password"] is True
    wrong = {"password": "not it", "new_password": "my own one"}
    assert pupil.call("POST", "/user/password", wrong).status == 401
    pupil.ok("POST", "/user/password", {"password": password, "new_password": "my own one"})
    assert pupil.ok("GET", "/user/me?detail=1")["must_change_password"] is False
    teacher.ok("POST", "/site/people/delete", {"user": "pupil"})
    assert pupil.call("POST", "/user/login", {"username": "pupil", "password": "my own one"}).status == 401
    assert [person["username"] for person in teacher.ok("GET", "/site/people")["people"]] == ["teacher"]


def test_a_claim_by_the_page(app: Flask) -> None:
    token = services_of(app).site.new_claim()
    page = app.test_client().get(f"/claim/{token}")
    assert page.status_code == 200
    assert "data-has-teacher" not in page.get_data(as_text=True)
    first, second = polling(app, "first"), polling(app, "second")
    first.ok("POST", "/site/claim", {"token": token})
    assert second.call("POST", "/site/claim", {"token": token}).status == 403
    assert "data-has-teacher" in app.test_client().get("/").get_data(as_text=True)


def test_messages_are_kept_for_so_many_days(app: Flask, teacher: PollingClient) -> None:
    assert teacher.ok("GET", "/site/settings")["keep_days"] == 0
    assert teacher.ok("POST", "/site/settings", {"version": 0, "keep_days": 365})["keep_days"] == 365
    for bad in (-1, 3651, 1.5, "a year", None):
        assert teacher.call("POST", "/site/settings", {"version": 1, "keep_days": bad}).status == 400, bad
    assert services_of(app).site.settings().keep_days == 365
    (entry,) = teacher.ok("GET", "/site/audit?q=site_settings")["entries"]
    assert (entry["before"], entry["after"]) == ({"keep_days": 0}, {"keep_days": 365})


def test_the_sites_name_is_text_in_the_page(app: Flask, teacher: PollingClient) -> None:
    teacher.ok("POST", "/site/settings", {"version": 0, "name": '<b>7"b</b>'})
    shown = app.test_client().get("/").get_data(as_text=True)
    assert "<b>" not in shown
    assert "&lt;b&gt;7&#34;b" in shown
    assert app.test_client().get("/site").get_json()["name"] == '<b>7"b</b>'


def test_names_like_a_teachers_are_refused_as_each_protocol_does(app: Flask, teacher: PollingClient) -> None:
    nobody = polling(app)
    named = {"username": "teaсher", "password": "secret1"}
    by_polling = nobody.call("POST", "/user/register", named)
    assert (by_polling.status, by_polling.json["feedback"]) == (
        409,
        f"The name {named['username']} looks like a teacher's: choose another one.",
    )
    by_realtime = nobody.call("POST", "/User", {**named, "username": "new", "nickname": named["username"]})
    assert (by_realtime.status, by_realtime.json["status"]) == (409, False)
    by_roomapi = nobody.call("POST", "/register", named)
    assert by_roomapi.json == {"code": 1, "msg": "注册失败，用户名与老师的名称相似", "data": None}
    by_ims = nobody.call("POST", "/account/reg", {"email": "n@x.org", "password": "secret1", "name": "Teacher."})
    assert (by_ims.status, by_ims.json) == (400, {"code": -3, "info": "Name already exists"})


def test_teachers_have_a_badge_and_alike_members_are_told_apart_in_detail_only(
    app: Flask, teacher: PollingClient
) -> None:
    pupils = [polling(app, name) for name in ("kim", "nina", "kіm")]
    for who in (teacher, pupils[0]):
        who.say("public", "hello")
    shown = pupils[0].ok("GET", "/chat/history?roomname=public&detail=1")["messages"]
    assert [message["teacher"] for message in shown] == [True, False]
    assert all("teacher" not in each for each in pupils[0].ok("GET", "/chat/history?roomname=public")["messages"])
    members = pupils[0].ok("GET", "/room/members?roomname=public&detail=1")["members"]
    assert [(each["teacher"], each["alike"]) for each in members] == [
        (True, False),
        (False, True),
        (False, False),
        (False, True),
    ]
    alike = pupils[0].ok("GET", "/room/members?roomname=public&alike=1")["members"]
    assert alike == [{"user": name, "nickname": name, "role": "member", "online": True} for name in ("kim", "kіm")]
    services_of(app).teachers.appoint(None, "nina", is_teacher=True)
    pupils[1].say("public", "hello")
    services_of(app).teachers.appoint(None, "nina", is_teacher=False)
    shown = pupils[0].ok("POST", "/chat/pull?detail=1", {"public": ""})["public"]
    assert [message["teacher"] for message in shown] == [True, False, False]  # as it is now
