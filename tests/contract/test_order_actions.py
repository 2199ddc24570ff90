"""Permission for acts of order: every kind of person, through each protocol that has a word for the act.

Permissions are listed once, for all protocols. Permission to write is in test_order.
"""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from chat.models import Role
from chat.security import tokens
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import services_of, sign_up
from tests.contract.clients import FlaskTransport, Reply

ROOM = "physics"
# By their rights, so that nobody acts on what somebody else has changed.
PEOPLE = ("outsider", "barred", "member", "muted", "admin", "teacher", "owner")
MODERATORS = {"admin", "teacher", "owner"}
OWNERS = {"teacher", "owner"}  # teachers have the owner's rights in open rooms
MEMBERS = {"member", "muted", *MODERATORS}
Act = Callable[["World", str], Reply]


class World:
    def __init__(self, app: Flask) -> None:
        self.app = app
        self.chat: Services = services_of(app)
        self.chat.rooms.ensure_lobby()
        self.people = {name: sign_up(self.chat, name) for name in (*PEOPLE, "victim")}
        self.chat.teachers.appoint(None, "teacher", is_teacher=True)
        self.room_id = self.furnish(ROOM)
        self.numbers = itertools.count()
        self.said = 0
        self.notice = 0

    def furnish(self, name: str) -> int:
        """A room with all of them in it, where possible."""
        owner = self.people["owner"]
        room_id = self.chat.rooms.create(owner, name)
        for each in ("member", "muted", "barred", "victim"):
            self.chat.memberships.join(self.people[each], name)
        self.chat.memberships.add(owner, name, "admin", Role.ADMIN)
        self.chat.moderation.mute(owner, name, "muted", 10)
        self.chat.moderation.bar(owner, name, "barred", is_barred=True)
        return room_id

    def prepare(self) -> None:
        """The victim is in the room and has said something new."""
        victim, owner = self.people["victim"], self.people["owner"]
        self.chat.moderation.bar(owner, ROOM, "victim", is_barred=False)
        self.chat.memberships.join(victim, ROOM)
        self.chat.moderation.mute(owner, ROOM, "victim", 0)
        self.said = self.chat.messages.send(victim, ROOM, Draft(text="hello")).id
        self.chat.announcements.post(owner, self.room_id, "news")
        self.notice = self.chat.announcements.all(owner, self.room_id)[0].id

    @property
    def victim_id(self) -> int:
        return self.people["victim"].user_id

    def ask(self, name: str, method: str, path: str, body: dict[str, Any] | None = None) -> Reply:
        actor = self.people[name]
        with self.app.app_context():
            session = tokens.Token(actor.user_id, actor.session_id)
            token = tokens.issue(tokens.Purpose.SESSION, session, 3600)
        headers = {"Authorization": token, "X-Chat-Errors": "codes"}
        raw = None if body is None else json.dumps(body).encode()
        return FlaskTransport(self.app).request(method, path, raw, headers)


def polling(path: str, **fields: Any) -> Act:
    """A POST about the room; fields that are functions get the world."""
    return lambda world, who: world.ask(who, "POST", path, {"roomname": ROOM, **_of(world, fields)})


def looking(path: str) -> Act:
    return lambda world, who: world.ask(who, "GET", f"{path}?roomname={ROOM}")


def ims(method: str, path: str, **fields: Any) -> Act:
    return lambda world, who: world.ask(who, method, path, {"conversation_id": world.room_id, **_of(world, fields)})


def _of(world: World, fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value(world) if callable(value) else value for name, value in fields.items()}


def said(world: World) -> int:
    return world.said


def victim(world: World) -> int:
    return world.victim_id


def roomapi_adds(role: str) -> Act:
    """Somebody new, so that it is the right alone that decides."""

    def act(world: World, who: str) -> Reply:
        sign_up(world.chat, f"new of {who}")
        body = {"room_id": world.room_id, "user_name": f"new of {who}", "role": role}
        return world.ask(who, "POST", "/api/room/add_user", body)

    return act


def deletes_a_room(by: Callable[[World, str, str, int], Reply]) -> Act:
    """A room of its own for each, as it would be gone for the others."""

    def act(world: World, who: str) -> Reply:
        name = f"gone by {who} {next(world.numbers)}"
        return by(world, who, name, world.furnish(name))

    return act


# Permissions, and the act by each protocol that has it.
ACTS: dict[str, tuple[set[str], dict[str, Act]]] = {
    "pin": (MODERATORS, {"polling": polling("/chat/pin", id=said, on=True)}),
    "unpin": (MODERATORS, {"polling": polling("/chat/pin", id=said, on=False)}),
    "mute": (MODERATORS, {"polling": polling("/room/mute", user="victim", minutes=5)}),
    "bar": (MODERATORS, {"polling": polling("/room/bar", user="victim", barred=True)}),
    "let back": (MODERATORS, {"polling": polling("/room/bar", user="victim", barred=False)}),
    "see who is barred": (MODERATORS, {"polling": looking("/room/barred")}),
    "remove a member": (
        MODERATORS,
        {
            "polling": polling("/room/remove", user="victim"),
            "ims": ims("DELETE", "/conversations/member/remove", user=victim),
        },
    ),
    "settings": (MODERATORS, {"polling": polling("/room/settings", topic="Newton")}),
    "archive": (MODERATORS, {"polling": polling("/room/settings", archived=False)}),
    "join code": (MODERATORS, {"polling": polling("/room/code")}),
    "see the join code": (MODERATORS, {"polling": looking("/room/code")}),
    "delete another's message": (
        MODERATORS,
        {
            "polling": polling("/chat/delete", id=said),
            "ims": lambda world, who: world.ask(who, "DELETE", "/conversations/messages", {"message_id": world.said}),
        },
    ),
    "delete what somebody wrote lately": (
        MODERATORS,
        {"polling": polling("/room/delete_recent", user="victim", minutes=10)},
    ),
    "see the log": (MODERATORS, {"polling": looking("/room/audit")}),
    "export": (OWNERS, {"polling": looking("/room/export")}),
    "rename": (MODERATORS, {"ims": ims("POST", "/conversations/manage/info", name=ROOM)}),
    "announce": (MODERATORS, {"ims": ims("POST", "/conversations/manage/notifications", content="news")}),
    "take an announcement back": (
        MODERATORS,
        {"ims": ims("DELETE", "/conversations/manage/notifications", notification_id=lambda world: world.notice)},
    ),
    "add a member": (MEMBERS, {"roomapi": roomapi_adds("member")}),
    "add an admin": (OWNERS, {"roomapi": roomapi_adds("admin")}),
    "delete the room": (
        OWNERS,
        {
            "polling": deletes_a_room(
                lambda world, who, name, _: world.ask(who, "POST", "/room/delete", {"roomname": name})
            ),
            "roomapi": deletes_a_room(
                lambda world, who, _, room: world.ask(who, "DELETE", f"/api/room/delete?room_id={room}")
            ),
            "realtime": deletes_a_room(lambda world, who, _, room: world.ask(who, "DELETE", f"/Room/{room}")),
        },
    ),
}


def succeeded(protocol: str, reply: Reply) -> bool:
    """Whether it did, by the protocol's own sign; a refusal has to be worded as one."""
    if protocol == "roomapi":
        assert reply.json["code"] in {0, 1}, reply
        return bool(reply.json["code"] == 0)
    if reply.status < 300:
        return True
    if protocol == "polling":
        assert reply.json["code"] in {"FORBIDDEN", "ROOM_NOT_FOUND", "MESSAGE_NOT_FOUND"}, reply.json
    if protocol == "ims":
        assert (reply.status, reply.json["code"]) in {(403, -3), (400, 1)}, reply.json
    assert reply.status in {400, 403, 404}, reply
    return False


@pytest.fixture
def world(make_app: Callable[..., Flask]) -> World:
    return World(make_app(rate_limits=False))


@pytest.mark.parametrize("what", ACTS)
def test_who_may(world: World, what: str) -> None:
    allowed, ways = ACTS[what]
    for protocol, act in ways.items():
        found = set()
        for who in PEOPLE:
            world.prepare()
            if succeeded(protocol, act(world, who)):
                found.add(who)
        assert found == allowed, protocol


def test_every_act_of_polling_is_in_the_table(world: World) -> None:
    """So that a new route about a room is put into it, or listed here as open to all members."""
    of_members = {
        *("/room/create", "/room/find", "/room/join", "/room/by_code", "/room/leave", "/room/leave_all"),
        *("/room/members", "/room/announcements", "/chat/send", "/chat/pull", "/chat/history", "/chat/edit"),
        *("/chat/react", "/chat/typing", "/chat/pins", "/chat/search", "/chat/equation", "/chat/upload", "/room/seen"),
        "/chat/authors",
    }
    document = world.ask("owner", "GET", "/openapi/polling.json").json
    paths = {path for path in document["paths"] if path.startswith(("/room/", "/chat/"))}
    asked: set[str] = set()

    def note(name: str, method: str, path: str, body: Any = None) -> Any:
        asked.add(path.partition("?")[0])

    world.ask = note  # type: ignore[method-assign]
    for _, ways in ACTS.values():
        if "polling" in ways:
            ways["polling"](world, "owner")
    assert paths - asked == of_members
