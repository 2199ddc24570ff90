"""The console's lists and commands: now, people, rooms, audit."""

import re
import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import insert, select

from chat.models import Access, LoginSession, Membership, User
from chat.services.messages import Draft
from chat.services.usernames import name_columns
from tests.conftest import services_of
from tests.contract.clients import PollingClient
from tests.contract.conftest import ran
from tests.contract.registered import polling


def test_now_shows_online_users_with_their_programs_and_active_rooms(app: Flask, teacher: PollingClient) -> None:
    pupil = polling(app, "kim")
    teacher.ok("POST", "/room/create", {"roomname": "physics", "type": "public"})
    pupil.join("physics")
    for text in ("one", "two"):
        pupil.say("physics", text)
    now = teacher.ok("GET", "/site/now?limit=50")
    assert (now["online"], now["accounts"], now["messages"]) == (2, 2, 2)
    assert now["rooms"] == [{"roomname": "physics", "id": 2, "messages": 2, "online": 2, "membercount": 2}]
    shown = {person["username"]: person for person in now["people"]}
    assert (shown["teacher"]["teacher"], shown["kim"]["teacher"]) == (True, False)
    (session,) = shown["kim"]["sessions"]
    assert session["protocol"] == "polling"
    assert session["program"].startswith("Werkzeug")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", session["since"])
    assert [person["username"] for person in teacher.ok("GET", "/site/now?limit=50&q=ki")["people"]] == ["kim"]
    assert pupil.call("GET", "/site/now").status == 403


def test_an_account_that_was_just_deleted_is_not_counted(app: Flask, teacher: PollingClient) -> None:
    """Its session is known for another second or two."""
    pupil = polling(app, "kim")
    teacher.ok("POST", "/room/create", {"roomname": "physics", "type": "public"})
    pupil.join("physics")
    pupil.say("physics", "bye")
    services = services_of(app)
    services.presence.flush()
    assert services.user_directory.count() == (2, 2)
    pupil.ok("POST", "/user/delete", {"password": "secret1"})
    now = teacher.ok("GET", "/site/now?limit=50")
    assert (now["online"], now["accounts"], len(now["people"])) == (1, 1, 1)
    assert [(room["online"], room["membercount"]) for room in now["rooms"]] == [(1, 1)]
    assert services.user_directory.count() == (1, 1)


def test_many_sessions_of_a_user_do_not_fill_the_answer(app: Flask, teacher: PollingClient) -> None:
    services = services_of(app)
    pupil_id, _ = services.accounts.register("kim", "secret1", "192.0.2.1")
    now = services.clock()
    times = {"expires_at": now + 10**10, "online_until": now + 10**9}
    sessions = [{"id": f"s{n}", "user_id": pupil_id, "created_at": n, "protocol": f"{n}", **times} for n in range(200)]
    with services.store.write() as tx:
        tx.execute(insert(LoginSession), [session | {"program": "\U0001f600" * 200} for session in sessions])
    services.presence.touch("s0", pupil_id)
    shown = {person["username"]: person["sessions"] for person in teacher.ok("GET", "/site/now?limit=50")["people"]}
    assert [session["protocol"] for session in shown["kim"]] == [f"{n}" for n in range(199, 179, -1)]


def test_private_rooms_are_counted_and_not_named(app: Flask, teacher: PollingClient) -> None:
    services = services_of(app)
    actor_id, session = services.accounts.register("kim", "secret1", "192.0.2.1")
    kim = services.sessions.resolve(session.id, actor_id)
    assert kim is not None
    room = services.rooms.create_titled(kim, "secret", access=Access.INVITE)
    services.messages.send(kim, room.id, Draft(text="x"))
    now = teacher.ok("GET", "/site/now")
    assert (now["messages"], now["rooms"]) == (1, [])


def test_tables_of_2000_people_cost_little_a_page(app: Flask, teacher: PollingClient, chat: Callable[..., str]) -> None:
    services = services_of(app)
    now = services.clock()
    people = [name_columns(username=f"pupil{n}", nickname=f"Pupil {n}") for n in range(2000)]
    secret = {"password_sha1": "", "password_md5": "", "created_at": now}
    times = {"created_at": now, "expires_at": now + 10**10, "online_until": now + 10**9}
    seat = {"room_id": 1, "role": "member", "joined_at": now, "read_time": 0}
    with services.store.write() as tx:
        tx.execute(insert(User), [names | secret for names in people])
        ids = tx.execute(select(User.id).where(User.id != 1)).scalars().all()
        tx.execute(insert(LoginSession), [{"id": f"s{n}", "user_id": n, "protocol": "tcp", **times} for n in ids])
        tx.execute(insert(Membership), [{"user_id": n, **seat} for n in ids])
    members = "/room/members?roomname=public&detail=1&limit=50"
    for path in ("/site/people?limit=50", "/site/now?limit=50", "/site/audit?limit=50", members):
        teacher.ok("GET", path)
        begun = time.process_time()
        found = teacher.ok("GET", path)
        # Measured here: 1 to 9 ms each, members 23 ms; all 2,000 members at once 650 ms.
        assert time.process_time() - begun < 0.1, path
        assert all(len(value) <= 50 for value in found.values() if isinstance(value, list))
    for command in (("room", "public", "--members"), ("now",)):
        assert "pupil1999\t" in chat(*command)  # the commands list all of them


@pytest.fixture
def chat(app: Flask) -> Callable[..., str]:
    return lambda *arguments, says="": ran(app, *arguments, input=says)[1]


def test_the_commands_show_and_do_the_same(app: Flask, teacher: PollingClient, chat: Callable[..., str]) -> None:
    teacher.ok("POST", "/room/create", {"roomname": "physics", "type": "public"})
    teacher.say("physics", "hello")
    services_of(app).presence.flush()
    lines = ["online: 1 of 1", "messages in the last minute: 1", "room physics: 1 messages, 1 of 1 online"]
    assert chat("now").splitlines()[:3] == lines
    assert chat("now").splitlines()[3].startswith("teacher\tteacher\tpolling Werkzeug")
    assert chat("people") == "teacher\tteacher\tteacher, online\n"
    assert chat("people", "--search", "nobody") == ""
    assert "physics\t1 members" in chat("rooms")
    changes = ["--topic", "waves", "--read-only", "--slow-mode", "30", "--no-seen-by"]
    shown = chat("room", "physics", *changes, "--new-code", "--members")
    assert "topic: waves\nread_only: True\nslow_mode: 30\n" in shown
    assert "seen_by: False\n" in shown
    code = re.findall(r"join code: (\w{6})\n", shown)
    assert teacher.ok("GET", "/room/code?roomname=physics")["code"] == code[0]
    assert "teacher\tteacher\towner" in shown
    assert "join code: none" in chat("room", "physics", "--no-code")
    chat("room", "physics", "--archive")
    assert "physics" not in chat("rooms")
    assert "physics" in chat("rooms", "--archived")
    log = chat("audit")
    assert "administrator\troom_settings\t\tphysics" in log
    assert chat("audit", "--search", "nobody") == ""
    assert "Aborted" in chat("room", "physics", "--delete", says="n\n")
    assert "physics is deleted." in chat("room", "physics", "--delete", says="y\n")
    assert "There is no such room" in chat("room", "physics")
