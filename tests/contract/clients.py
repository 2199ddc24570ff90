"""One client a protocol, all with the same methods, so that scenarios can be run by each."""

import base64
import json
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
    """Through Flask's test client, in this process. Every answer must be as the document says."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._client = app.test_client()

    def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        response = self._client.open(path, method=method, data=body, headers=headers)
        check_answer(self._app, method, path, response)
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
    """The server said no; kind is one of: auth, taken, not_found, forbidden, invalid."""

    def __init__(self, kind: str, reply: Reply) -> None:
        super().__init__(kind, reply)
        self.kind = kind


KINDS = {401: "auth", 409: "taken", 404: "not_found", 403: "forbidden", 400: "invalid", 413: "invalid"}


@dataclass
class Caller:
    """Whoever sends requests."""

    transport: Transport

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request; a body that is not bytes is sent as JSON."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return self.transport.request(method, path, raw, headers)


@dataclass
class Client(Caller):
    """What scenarios ask of a protocol's client; CAN says what it has of that which not every protocol has.

    pictures: sends them; passwds: makes and joins rooms with one; memberships: says which rooms one is in and who is
    in them, and leaves them; presence: says who is online; unread: counts; names: a room's name is one room's alone.
    """

    CAN: ClassVar[frozenset[str]] = frozenset()
    SERVERS: ClassVar[tuple[str, ...]] = ("flask", "gunicorn")  # which of them it can be used with
    HEARS_ITSELF: ClassVar[bool] = True  # whether what one says comes back among what one hears

    username: str = ""

    def register(self, username: str, password: str = "secret1") -> None:
        """Make an account and log in."""
        raise NotImplementedError

    def login(self, username: str, password: str = "secret1") -> None:
        raise NotImplementedError

    def logout(self) -> None:
        raise NotImplementedError

    def create_room(self, room: str, passwd: str = "") -> None:
        """And be in it."""
        raise NotImplementedError

    def join(self, room: str, passwd: str = "") -> None:
        raise NotImplementedError

    def leave(self, room: str) -> None:
        raise NotImplementedError

    def delete_room(self, room: str, passwd: str = "") -> None:
        raise NotImplementedError

    def rooms(self) -> set[str]:
        """The rooms this user is in."""
        raise NotImplementedError

    def seen_rooms(self) -> set[str]:
        raise NotImplementedError

    def members(self, room: str) -> list[str]:
        raise NotImplementedError

    def online(self, room: str) -> set[str]:
        raise NotImplementedError

    def say(self, room: str, text: str, client_message_id: str | None = None) -> None:
        raise NotImplementedError

    def show(self, room: str, picture: bytes) -> None:
        raise NotImplementedError

    def hear(self, room: str, timeout: float = 0) -> list[Heard]:
        """What is new in the room since the last time; waits up to timeout seconds for something."""
        raise NotImplementedError

    def unread(self, room: str) -> int:
        raise NotImplementedError

    def close(self) -> None:
        """Hang up."""

    def hears_of(self, messages: list[Heard]) -> list[Heard]:
        """Those of the messages that this client is to hear, in the same order."""
        return [each for each in messages if self.HEARS_ITSELF or each.sender != self.username]


@dataclass
class PollingClient(Client):
    """The polling protocol, as a student would write a client for it."""

    CAN = frozenset({"pictures", "passwds", "memberships", "presence", "unread", "names"})

    cursors: dict[str, str] = field(default_factory=dict)

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        """The same, and it must succeed. Raises Refused."""
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

    def leave(self, room: str) -> None:
        self.ok("POST", "/room/leave", {"roomname": room})

    def delete_room(self, room: str, passwd: str = "") -> None:
        self.ok("POST", "/room/delete", {"roomname": room, "type": "public", "passwd": passwd})

    def rooms(self) -> set[str]:
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
        body = {room: self.cursors.get(room, "")}
        got = self.ok("POST", f"/chat/pull?timeout={timeout}", body)[room]
        if got:
            self.cursors[room] = got[-1]["timestamp"]
        return [_heard(message) for message in got]

    def unread(self, room: str) -> int:
        found = self.ok("GET", "/room/find?detail=1")["rooms"]
        return next(int(each["unread"]) for each in found if each["roomname"] == room)


def _heard(message: dict[str, Any]) -> Heard:
    assert set(message) == {"user", "type", "timestamp", "content"}
    if message["type"] == "img":
        return Heard(message["user"], "image", base64.b64decode(message["content"], validate=True))
    return Heard(message["user"], message["type"], message["content"])
