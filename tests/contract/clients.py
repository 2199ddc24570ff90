"""One client a protocol, all with the same methods, so that scenarios can be run by each."""

import base64
import json
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import requests
from flask import Flask

from tests.contract.conformity import check_answer


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Transport(Protocol):
    """How requests get to the server: cookies are kept, and sent back."""

    def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply: ...


class FlaskTransport:
    """Requests through Flask's test client, in this process. Every answer must match the document."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.client = app.test_client()

    def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        with closing(self.client.open(path, method=method, data=body, headers=headers)) as response:
            check_answer(self.app, method, path, response)
            return Reply(response.status_code, response.headers, response.data)


class HttpTransport:
    """Over a socket to a real server."""

    def __init__(self, url: str, tcp_port: int = 0) -> None:
        self.url = url
        self.tcp_port = tcp_port
        self._session = requests.Session()

    def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        response = self._session.request(method, self.url + path, data=body, headers=headers, timeout=60)
        return Reply(response.status_code, response.headers, response.content)

    def close(self) -> None:
        self._session.close()


@dataclass
class Heard:
    """A message as any client gets it."""

    sender: str
    kind: str  # text, image
    content: str | bytes


class Refused(Exception):  # noqa: N818
    """The server refused; kind is one of: auth, taken, not_found, forbidden, invalid."""

    def __init__(self, kind: str, reply: Reply) -> None:
        super().__init__(kind, reply)
        self.kind = kind


class ChatClient(Protocol):
    """The interface of every protocol's client in scenarios. Optional abilities are listed in `can` and required with
    `@pytest.mark.needs`: open (joinable rooms with unique names), passwd, leave, logout, online, unread, members (lists
    of members and of joined rooms), show (pictures), echo (the sender receives its own messages).
    """

    protocol: ClassVar[str]
    can: ClassVar[frozenset[str]]
    servers: ClassVar[tuple[str, ...]]  # that it can be used with
    username: str

    def register(self, username: str, password: str = "secret1") -> None: ...
    def login(self, username: str, password: str = "secret1") -> None: ...
    def create_room(self, room: str, passwd: str = "") -> None: ...
    def bring(self, room: str, other: Any) -> None:
        """See that another client gets into a room that this one is in."""

    def delete_room(self, room: str, passwd: str = "") -> None: ...
    def rooms(self) -> set[str]: ...
    def members(self, room: str) -> list[str]: ...
    def say(self, room: str, text: str, client_message_id: str | None = None) -> None: ...
    def show(self, room: str, picture: bytes) -> None: ...
    def hear(self, room: str, timeout: float = 0) -> list[Heard]: ...
    def close(self) -> None: ...


def heard_by(client: ChatClient, messages: list[Heard]) -> list[Heard]:
    """Return the messages that this client should receive, in the same order."""
    return [each for each in messages if "echo" in client.can or each.sender != client.username]


KINDS = {401: "auth", 409: "taken", 404: "not_found", 403: "forbidden", 400: "invalid", 413: "invalid"}


@dataclass
class Caller:
    """A sender of requests."""

    transport: Transport

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request; a body that is not bytes is sent as JSON."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return self.transport.request(method, path, raw, headers)


@dataclass
class PollingClient(Caller):
    """The polling protocol, as a student would write a client for it."""

    protocol = "polling"
    can = frozenset({"open", "passwd", "leave", "logout", "online", "unread", "members", "show", "echo"})
    servers = ("flask", "gunicorn")

    username: str = ""
    cursors: dict[str, str] = field(default_factory=dict)

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that must succeed. Raises Refused."""
        reply = self.call(method, path, body)
        if reply.status != 200:
            assert reply.json["status"] == "failure", reply
            assert reply.json["feedback"], reply
            raise Refused(KINDS[reply.status], reply)
        assert reply.json["status"] == "success", reply
        return reply.json

    def register(self, username: str, password: str = "secret1") -> None:
        self.ok("POST", "/user/register", {"username": username, "password": password})
        self.username = username

    def login(self, username: str, password: str = "secret1") -> None:
        self.ok("POST", "/user/login", {"username": username, "password": password})
        self.username = username

    def logout(self) -> None:
        self.ok("POST", "/user/logout", {})

    def create_room(self, room: str, passwd: str = "") -> None:
        self.ok("POST", "/room/create", {"roomname": room, "type": "private" if passwd else "public", "passwd": passwd})

    def join(self, room: str, passwd: str = "") -> None:
        self.ok("POST", "/room/join", {"roomname": room, "type": "public", "passwd": passwd})

    def bring(self, room: str, other: Any) -> None:
        other.join(room)

    def leave(self, room: str) -> None:
        self.ok("POST", "/room/leave", {"roomname": room})

    def delete_room(self, room: str, passwd: str = "") -> None:
        self.ok("POST", "/room/delete", {"roomname": room, "type": "public", "passwd": passwd})

    def rooms(self) -> set[str]:
        """The rooms this user is in."""
        return {room["roomname"] for room in self.ok("GET", "/room/find?detail=1")["rooms"] if room["joined"]}

    def seen_rooms(self) -> set[str]:
        return {room["roomname"] for room in self.ok("GET", "/room/find")["rooms"]}

    def members(self, room: str) -> list[str]:
        return [m["user"] for m in self.ok("GET", f"/room/members?roomname={room}")["members"]]

    def online(self, room: str) -> set[str]:
        found = self.ok("GET", f"/room/members?roomname={room}")["members"]
        return {member["user"] for member in found if member["online"]}

    def say(self, room: str, text: str, client_message_id: str | None = None) -> None:
        message: dict[str, Any] = {"type": "text", "content": text}
        if client_message_id is not None:
            message["client_message_id"] = client_message_id
        self.ok("POST", "/chat/send", {"roomname": room, "new_message": message})

    def show(self, room: str, picture: bytes) -> None:
        content = base64.b64encode(picture).decode()
        self.ok("POST", "/chat/send", {"roomname": room, "new_message": {"type": "img", "content": content}})

    def hear(self, room: str, timeout: float = 0) -> list[Heard]:
        """Return new messages of the room since the last call; waits up to timeout seconds for one."""
        body = {room: self.cursors.get(room, "")}
        got = self.ok("POST", f"/chat/pull?timeout={timeout}", body)[room]
        if got:
            self.cursors[room] = got[-1]["timestamp"]
        return [_heard(message) for message in got]

    def close(self) -> None:
        """Nothing is left open between requests."""

    def unread(self, room: str) -> int:
        found = self.ok("GET", "/room/find?detail=1")["rooms"]
        return next(int(each["unread"]) for each in found if each["roomname"] == room)


def _heard(message: dict[str, Any]) -> Heard:
    assert set(message) == {"user", "type", "timestamp", "content"}
    if message["type"] == "img":
        return Heard(message["user"], "image", base64.b64decode(message["content"], validate=True))
    return Heard(message["user"], message["type"], message["content"])
