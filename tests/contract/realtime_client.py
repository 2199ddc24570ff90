"""The realtime protocol's client, with a WebSocket for each room that it has entered."""

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import websocket

from tests.contract.clients import KINDS, Caller, Heard, HttpTransport, PollingClient, Refused

WAIT = 15.0  # seconds for an expected frame
QUIET = 0.3  # seconds without a frame: that was all


class Closed(Exception):  # noqa: N818 - it may be meant
    """The server has closed the socket."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class RoomSocket:
    """One WebSocket. With a token, that is the first frame."""

    def __init__(self, url: str, token: str | None = None, *, path: str = "/", **options: Any) -> None:
        self.raw = websocket.create_connection(url.replace("http", "ws", 1) + path, timeout=WAIT, **options)
        if token is not None:
            self.send({"token": token})

    def send(self, frame: Any) -> None:
        """A text frame: a text as it is, anything else as JSON."""
        self.raw.send(frame if isinstance(frame, str) else json.dumps(frame))

    def next(self, timeout: float = WAIT) -> Any:
        """The next frame's JSON. Raises TimeoutError, Closed."""
        self.raw.settimeout(timeout)
        try:
            opcode, frame = self.raw.recv_data_frame(control_frame=True)
            while opcode == websocket.ABNF.OPCODE_PING:  # answered by the library
                opcode, frame = self.raw.recv_data_frame(control_frame=True)
        except websocket.WebSocketTimeoutException:
            raise TimeoutError from None
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise Closed(int.from_bytes(frame.data[:2], "big"), frame.data[2:].decode())
        assert opcode == websocket.ABNF.OPCODE_TEXT, opcode
        return json.loads(frame.data)

    def until_quiet(self, timeout: float = QUIET) -> list[Any]:
        """Return the frames that arrive within timeout seconds, and directly after."""
        frames: list[Any] = []
        try:
            while True:
                frames.append(self.next(QUIET if frames else max(timeout, QUIET)))
        except TimeoutError:
            return frames

    def say(self, text: str, **more: Any) -> Any:
        """Send a message; the next frame, which is the answer to it if nothing else is under way."""
        self.send({"msg": text, **more})
        return self.next()

    def close(self) -> None:
        """Leave the room."""
        self.raw.close(timeout=1)
        self.raw.shutdown()  # which the line above leaves out where the server was first


@dataclass
class Entered:
    """A room, its socket, and messages received but not requested yet."""

    socket: RoomSocket
    frames: list[Any] = field(default_factory=list)


@dataclass
class RealtimeClient(Caller):
    """A client as a student would write it. For its own messages it receives only an acknowledgement."""

    protocol = "realtime"
    can = frozenset({"logout"})
    servers = ("gunicorn",)

    username: str = ""
    entered: dict[str, Entered] = field(default_factory=dict)

    def ok(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """One request that must succeed. Raises Refused."""
        reply = self.call(method, path, body)
        if reply.status != status:
            assert reply.json["status"] is False, reply
            assert reply.json["error"], reply
            raise Refused(KINDS[reply.status], reply)
        return reply.json if reply.body else None

    def register(self, username: str, password: str = "secret1") -> None:
        self.ok("POST", "/User", {"username": username, "password": password}, 201)
        self.login(username, password)
        self.join("public")

    def login(self, username: str, password: str = "secret1") -> None:
        body = {"username": username, "password": hashlib.md5(password.encode()).hexdigest()}
        reply = self.call("POST", "/Login", body)
        assert reply.status == 200, reply
        if reply.json != {"status": True}:
            raise Refused("auth", reply)
        self.username = username

    def logout(self) -> None:
        assert self.ok("POST", "/Logout") == {"status": True}

    def create_room(self, room: str, passwd: str = "") -> None:
        self._enter(room, self.ok("POST", "/Room", {"name": room}, 201)["id"])

    def join(self, room: str, passwd: str = "") -> None:
        self._enter(room, self.room_id(room))

    def bring(self, room: str, other: Any) -> None:
        other.join(room)

    def delete_room(self, room: str, passwd: str = "") -> None:
        self.ok("DELETE", f"/Room/{self.room_id(room)}", status=204)

    def seen_rooms(self) -> set[str]:
        return {room["name"] for room in self.ok("GET", "/Room")}

    def room_id(self, room: str) -> int:
        return next(int(each["id"]) for each in self.ok("GET", "/Room") if each["name"] == room)

    def say(self, room: str, text: str, client_message_id: str | None = None) -> None:
        entered = self.entered[room]
        frame = {"msg": text}
        if client_message_id is not None:
            frame["client_message_id"] = client_message_id
        entered.socket.send(frame)
        while "status" not in (answer := entered.socket.next()):
            entered.frames.append(answer)
        assert answer == {"status": True}

    def hear(self, room: str, timeout: float = 0) -> list[Heard]:
        entered = self.entered[room]
        frames = entered.frames + entered.socket.until_quiet(0 if entered.frames else timeout)
        entered.frames = []
        return [self._heard(frame) for frame in frames if frame["type"] == 0]

    def close(self) -> None:
        for entered in self.entered.values():
            entered.socket.close()

    def _enter(self, room: str, room_id: int) -> None:
        token = self.ok("GET", f"/Room/{room_id}")["token"]
        assert isinstance(self.transport, HttpTransport)
        self.entered[room] = Entered(RoomSocket(self.transport.url, token))
        self._await_entered(self.entered[room])

    @staticmethod
    def _await_entered(entered: Entered) -> None:
        """Entering is not acknowledged. Frames are handled in order, so send one that is refused."""
        entered.socket.send({})
        while "status" not in (answer := entered.socket.next()):
            entered.frames.append(answer)
        assert "msg" in answer["error"], answer

    def _heard(self, frame: dict[str, Any]) -> Heard:
        assert set(frame) == {"type", "msg", "username", "nickname", "time"}
        assert type(frame["time"]) is int
        assert abs(frame["time"] - time.time()) < 60
        if frame["msg"].startswith("/attachments/"):
            return Heard(frame["username"], "image", self.call("GET", frame["msg"]).body)
        return Heard(frame["username"], "text", frame["msg"])


_numbers = count()


def unique(stem: str) -> str:
    """A name that no other test of this process has had."""
    return f"{stem} {next(_numbers)}"


class RealtimeUser(PollingClient):
    """A user with a session, valid in all protocols, and sockets in rooms."""

    def __init__(self, url: str, stem: str) -> None:
        super().__init__(HttpTransport(url))
        self.url = url
        self.sockets: list[RoomSocket] = []
        self.register(unique(stem))

    def make(self) -> int:
        """Create a room and return its id."""
        return int(self.call("POST", "/Room", {"name": unique("room")}).json["id"])

    def room_name(self, room_id: int) -> str:
        return next(str(room["name"]) for room in self.call("GET", "/Room").json if room["id"] == room_id)

    def token(self, room_id: int) -> str:
        reply = self.call("GET", f"/Room/{room_id}")
        assert reply.status == 200, reply
        return str(reply.json["token"])

    def bare(self, token: str | None = None, **options: Any) -> RoomSocket:
        self.sockets.append(RoomSocket(self.url, token, **options))
        return self.sockets[-1]

    def enter(self, room_id: int) -> RoomSocket:
        """A socket in the room, once it is in."""
        made = self.bare(self.token(room_id))
        made.send({})
        assert "msg" in made.next()["error"]
        return made

    def close(self) -> None:
        for each in self.sockets:
            with suppress(OSError, websocket.WebSocketException):
                each.close()
