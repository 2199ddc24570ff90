"""Private rooms of each kind, requests about them, and people outside."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from flask import Flask

from chat.models import Access, Actor
from chat.security import tokens
from chat.services import Services
from chat.services.messages import Draft
from chat.services.paging import Page
from tests.conftest import again, services_of, sign_up
from tests.contract.clients import FlaskTransport
from tests.pictures import picture
from tests.unit.bounds import befriend

OUTSIDERS = ("outsider", "teacher")
KINDS = (Access.INVITE, Access.GROUP, Access.DIRECT)
ROOM_NAMES = {"roomname", "room", "chat_name", "chat_group_name"}
ROOM_IDS = {"room_id", "conversation_id", "conversationId", "chat_group_id"}
MESSAGE_IDS = {"id", "message_id", "around", "reply_to", "msg_id"}
MEMBERS = {"username", "user", "user_name", "owner"}
MEMBER_IDS = {"user_id", "member_id", "target_id", "friend_id", "sender_id", "receiver_id", "file_id"}
SEARCHED = {"q", "content", "query_name"}


@dataclass(frozen=True)
class Target:
    """The names in a request."""

    name: str
    room_id: int
    message_id: int
    member: str
    member_id: int

    def value(self, field: str, path: str, default: Any = None) -> Any:
        """For a field with this default, or None if it names nothing. Accounts are no secret, but teachers may delete
        them.
        """
        if field in ROOM_NAMES:
            return self.name
        if field in ROOM_IDS:
            return self.room_id
        if field in MESSAGE_IDS:
            return self.message_id
        if field in MEMBER_IDS or (field in MEMBERS and isinstance(default, int)):
            return self.member_id
        if field in MEMBERS:
            return "bystander" if path.startswith("/site/") else self.member
        return "zsecretword" if field in SEARCHED else None


class World:
    """A private room of each kind, with something of everything, and people outside."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.services: Services = services_of(app)
        self.services.rooms.ensure_lobby()
        names = ("insider", "friend", "bystander", *OUTSIDERS)
        self.people = {name: sign_up(self.services, name) for name in names}
        self.services.teachers.appoint(None, "teacher", is_teacher=True)
        self.people["teacher"] = self.again("teacher")
        befriend(self.services, self.people["insider"], self.people["friend"])
        self.secrets = {"zvaultword", "zsecretword", "ztopicword", "zfileword", "znewsword"}
        self.targets = {kind: self.furnish(kind) for kind in KINDS}

    def again(self, name: str) -> Actor:
        return again(self.services, self.people[name])

    def furnish(self, kind: Access) -> Target:
        chat, insider, friend = self.services, self.people["insider"], self.people["friend"]
        if kind is Access.GROUP:
            chat.groups.create(insider, "zvaultword group", [friend.user_id])
        elif kind is Access.INVITE:
            chat.rooms.create_titled(insider, "zvaultword", access=kind, members=["friend"])
        room = next(each for each in chat.rooms.joined(insider) if each.access is kind)
        said = chat.messages.send(insider, room.id, Draft(text="zsecretword"))
        chat.messages.send(friend, room.id, Draft(text="zsecretword again", reply_to_id=said.id))
        sent = chat.messages.send(insider, room.id, Draft(image=picture()))
        self.secrets |= {str(sent.attachment_name)}
        upload = chat.files.begin(insider, room.id, "zfileword.txt", 1)
        chat.files.add(upload, b"x")
        self.secrets |= {str(chat.files.finish(insider, upload).attachment_name)}
        chat.changes.react(friend, room.id, said.id, "👍", is_on=True)
        if kind is not Access.DIRECT:
            chat.room_settings.change(insider, room.id, {"topic": "ztopicword"})
            chat.pins.pin(insider, room.id, said.id, is_on=True)
            chat.announcements.post(insider, room.id, "znewsword")
            self.secrets |= {chat.join_codes.renew(insider, room.id)}
            chat.groups.change(insider, room.id, None, base64.b64encode(picture()).decode())
        return Target(room.name, room.id, said.id, "insider", insider.user_id)

    def state(self, kind: Access) -> Any:
        """Everything that a member sees of the room."""
        chat, insider, room = self.services, self.people["insider"], self.targets[kind].room_id
        return (
            [(message.content, message.reactions) for message in chat.messages.history(insider, room, None, 50)],
            [(member.username, member.role, member.muted_until) for member in chat.memberships.members(insider, room)],
            chat.room_settings.get(insider, room),
            [message.id for message in chat.pins.all(insider, room)],
            [notice.content for notice in chat.announcements.all(insider, room)],
            None if kind is Access.DIRECT else chat.join_codes.code(insider, room),
            None if kind is Access.DIRECT else [each.action for each in chat.audit.of_room(insider, room, Page(50))],
        )

    def ask(self, name: str, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, str]:
        actor = self.people[name]
        with self.app.app_context():
            token = tokens.issue(tokens.Purpose.SESSION, tokens.Token(actor.user_id, actor.session_id), 3600)
        headers = {"Authorization": token, "Content-Type": "application/json"}
        raw = None if body is None else json.dumps(body).encode()
        reply = FlaskTransport(self.app).request(method, path, raw, headers)
        return reply.status, reply.body.decode("utf-8", "replace")


def leaked(world: World, answer: str, *asked: object) -> set[str]:
    """The secrets in an answer that the request did not have."""
    return {secret for secret in world.secrets if secret in answer and secret not in str(asked)}
