"""The ims protocol, as a student would write a client for it."""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.contract.clients import KINDS, Heard, Refused, Reply, Transport

BOUNDARY = "a-line-that-no-picture-has"
PASSWORD = "secret1"


def email_of(name: str) -> str:
    """The address under which a scenario's user is known here."""
    return f"{name}@example.com"


@dataclass
class ImsClient:
    """Conversations are known by their id; scenarios name them, so the name is looked up in the list first."""

    protocol = "ims"
    can = frozenset({"members", "show", "echo", "leave", "unread"})
    servers = ("flask", "gunicorn")

    transport: Transport
    username: str = ""
    token: str = ""
    id: int = 0
    heard_ids: dict[int, set[int]] = field(default_factory=dict)  # by conversation: the received messages

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send a request, with the token if there is one; data is sent as JSON, or as a query for GET."""
        if self.token:
            headers.setdefault("Authorization", self.token)
        if method == "GET" and isinstance(body, dict):
            return self.transport.request(method, f"{path}?{urlencode(body)}", None, headers)
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return self.transport.request(method, path, raw, headers)

    def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request that must succeed, and return the whole answer. Raises Refused."""
        reply = self.call(method, path, body, **headers)
        answer = reply.json
        if reply.status != 200:
            assert set(answer) == {"code", "info"}, reply
            assert answer["code"] != 0, reply
            raise Refused(KINDS.get(reply.status, "invalid"), reply)
        assert answer["code"] == 0, reply
        assert answer["info"] in {"Succeed", "success"}, reply
        return answer

    def register(self, username: str, password: str = PASSWORD) -> None:
        body = {"email": email_of(username), "password": password, "name": username}
        self.token = self.ok("POST", "/account/reg", body)["token"]
        self._learn_who()

    def login(self, username: str, password: str = PASSWORD) -> None:
        self.token = self.ok("POST", "/account/login", {"email": email_of(username), "password": password})["token"]
        self._learn_who()

    def befriend(self, other: "ImsClient") -> int:
        """Ask, and have the other one accept: the id of the direct conversation."""
        self.ok("POST", "/add_friend", {"target_id": other.id, "message": "hello"})
        other.ok("POST", "/friend_request_handle", {"sender_user_id": self.id, "receiver_user_id": other.id})
        return next(int(each["id"]) for each in self.conversations() if each.get("friend_id") == other.id)

    def create_room(self, room: str, passwd: str = "") -> None:
        assert not passwd, "this protocol has none"
        self.ok("POST", "/conversations", {"members": [], "name": room})

    def bring(self, room: str, other: Any) -> None:
        self.befriend(other)
        self.ok("POST", "/conversations/member/add", {"conversationId": self.id_of(room), "member_id": other.id})

    def delete_room(self, room: str, passwd: str = "") -> None:
        """The owner dissolves it by leaving; others cannot."""
        about = self.call("GET", "/conversations/get_members", {"conversation_id": self.id_of(room)})
        if about.status == 200 and about.json["identity"] != 1:
            raise Refused("forbidden", about)
        self.leave(room)

    def leave(self, room: str) -> None:
        self.ok("POST", "/conversations/member/remove", {"conversation_id": self.id_of(room)})

    def conversations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ok("GET", "/conversations")["conversation"]
        return found

    def rooms(self) -> set[str]:
        """The groups this user is in."""
        return {each["name"] for each in self.conversations() if each["is_chat_group"]}

    def members(self, room: str) -> list[str]:
        found = self.ok("GET", "/conversations/get_members", {"conversation_id": self.id_of(room)})
        return [member["name"] for member in found["members"]]

    def unread(self, room: str) -> int:
        return next(int(each["unread_count"]) for each in self.conversations() if each["name"] == room)

    def say(self, room: str, text: str, client_message_id: str | None = None) -> None:
        body: dict[str, Any] = {"conversationId": self.id_of(room), "content": text}
        if client_message_id is not None:
            body["client_message_id"] = client_message_id
        self.ok("POST", "/conversations/messages", body)

    def show(self, room: str, picture: bytes) -> None:
        body = form({"conversationId": str(self.id_of(room))}, {"image": picture})
        self.ok("POST", "/conversations/image", body, **FORM_HEADERS)

    def hear(self, room: str, timeout: float = 0) -> list[Heard]:
        """Return new messages of the room since the last call; waits up to timeout seconds for one."""
        room_id = self.id_of(room)
        deadline = time.monotonic() + timeout
        while not (found := self._new(room_id)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return [self.heard(message) for message in found]

    def messages(self, room_id: int, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ok("GET", "/conversations/messages", {"conversationId": room_id, **more})[
            "messages"
        ]
        return found

    def close(self) -> None:
        """Nothing is left open between requests."""

    def id_of(self, room: str) -> int:
        """Return the id of a joined conversation; otherwise 0, which no conversation has."""
        return next((each["id"] for each in self.conversations() if each["name"] == room), 0)

    def heard(self, message: dict[str, Any]) -> Heard:
        keys = {"id", "type", "content", "senderid", "sendername", "senderavatar", "conversation", "created_time"}
        assert set(message) - {"reply_to", "reply_to_id"} == keys
        if message["type"] == 0:
            return Heard(message["sendername"], "text", message["content"])
        # Like an <img>: without the client's headers.
        loaded = self.transport.request("GET", urlsplit(message["content"]).path, None, {})
        assert loaded.status == 200, loaded
        return Heard(message["sendername"], "image", loaded.body)

    def _new(self, room_id: int) -> list[dict[str, Any]]:
        seen = self.heard_ids.setdefault(room_id, set())
        found = [message for message in self.messages(room_id) if message["id"] not in seen]
        seen.update(message["id"] for message in found)
        return found

    def _learn_who(self) -> None:
        about = self.ok("GET", "/account/info")
        self.username, self.id = about["name"], about["id"]


class ImsGuest(ImsClient):
    """With an account created by another protocol, so that its name is the same in all protocols."""

    def register(self, username: str, password: str = PASSWORD) -> None:
        body = json.dumps({"username": username, "password": password}).encode()
        reply = self.transport.request("POST", "/user/register", body, {})
        if reply.status != 200:
            raise Refused(KINDS[reply.status], reply)
        self.login(username, password)

    def login(self, username: str, password: str = PASSWORD) -> None:
        self.token = self.ok("POST", "/account/login", {"email": username, "password": password})["token"]
        self._learn_who()


FORM_HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form(fields: dict[str, str], files: dict[str, bytes]) -> bytes:
    """A multipart body in the form that browsers send."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, data in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="a.png"\r\nContent-Type: image/png'
        parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + data + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
