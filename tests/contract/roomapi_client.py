"""The roomapi protocol, as a student would write a client for it."""

import base64
import json
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import websocket

from tests.contract.clients import Heard, HttpTransport, Refused, Reply, Transport

_KINDS = {
    "未登录或登录已失效，请重新登录": "auth",
    "用户名或密码错误": "auth",
    "用户名已存在": "taken",
    "聊天室不存在": "not_found",
    "没有权限执行此操作": "forbidden",
}
Pushed = defaultdict[int, deque[dict[str, Any]]]
WAIT = 15.0  # seconds for an expected push
MESSAGE_KEYS = {"ID", "send_time", "room_id", "sender_id", "sender_name", "type", "content"}


@dataclass
class RoomapiClient:
    """Rooms are known by their id; scenarios name them, so the name is looked up in the list first."""

    protocol = "roomapi"
    can = frozenset({"members", "show", "echo"})
    servers = ("flask", "gunicorn")

    transport: Transport
    username: str = ""
    token: str = ""
    last_ids: dict[int, int] = field(default_factory=dict)  # by room: the newest received message

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send a request, with the token if there is one; a body other than bytes is sent as JSON."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if self.token:
            headers.setdefault("Authorization", self.token)
        return self.transport.request(method, path, raw, headers)

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that must succeed, and return its data. Raises Refused."""
        reply = self.call(method, path, body)
        answer = reply.json
        assert set(answer) == {"code", "msg", "data"}, reply
        if answer["code"] != 0:
            assert answer["code"] == 1, reply
            assert answer["data"] is None, reply
            raise Refused(_KINDS.get(answer["msg"], "invalid"), reply)
        assert reply.status == 200, reply
        return answer["data"]

    def register(self, username: str, password: str = "secret1") -> None:
        self.ok("POST", "/register", {"username": username, "password": password})
        self.login(username, password)

    def login(self, username: str, password: str = "secret1") -> None:
        data = self.ok("POST", "/login", {"username": username, "password": password})
        self.token = data["token"]
        self.username = data["user"]["username"]

    def create_room(self, room: str, passwd: str = "") -> None:
        assert not passwd, "this protocol has none"
        self.ok("POST", "/api/room/create", {"name": room, "description": ""})

    def bring(self, room: str, other: Any) -> None:
        body = {"room_id": self.id_of(room), "user_name": other.username}
        self.ok("POST", "/api/room/add_user", body)

    def delete_room(self, room: str, passwd: str = "") -> None:
        self.ok("DELETE", f"/api/room/delete?room_id={self.id_of(room)}")

    def rooms(self) -> set[str]:
        """The rooms this user is in."""
        return {room["name"] for room in self.ok("GET", "/api/room/list")}

    def members(self, room: str) -> list[str]:
        found = self.ok("GET", f"/api/room/members?room_id={self.id_of(room)}")
        return [member["username"] for member in found]

    def say(self, room: str, text: str, client_message_id: str | None = None) -> None:
        message: dict[str, Any] = {"room_id": self.id_of(room), "type": "text", "content": text}
        if client_message_id is not None:
            message["client_message_id"] = client_message_id
        self.ok("POST", "/api/message/send", message)

    def show(self, room: str, picture: bytes) -> None:
        content = base64.b64encode(picture).decode()
        self.ok("POST", "/api/message/send", {"room_id": self.id_of(room), "type": "image", "content": content})

    def hear(self, room: str, timeout: float = 0) -> list[Heard]:
        """Return new messages of the room since the last call; waits up to timeout seconds for one."""
        room_id = self.id_of(room)
        found = self._wait_for_new(room_id, timeout)
        if found:
            self.last_ids[room_id] = found[-1]["ID"]
        return [self.heard(message) for message in found]

    def close(self) -> None:
        """Nothing is left open between requests."""

    def id_of(self, room: str) -> int:
        """Return the id of a joined room; otherwise 0, which no room has."""
        return next((each["ID"] for each in self.ok("GET", "/api/room/list") if each["name"] == room), 0)

    def heard(self, message: dict[str, Any]) -> Heard:
        assert set(message) == MESSAGE_KEYS
        if message["type"] != "image":
            return Heard(message["sender_name"], message["type"], message["content"])
        # Like an <img>: without the client's headers.
        loaded = self.transport.request("GET", urlsplit(message["content"]).path, None, {})
        assert loaded.status == 200, loaded
        return Heard(message["sender_name"], "image", loaded.body)

    def _wait_for_new(self, room_id: int, timeout: float) -> list[dict[str, Any]]:
        deadline = time.monotonic() + timeout
        while not (found := self._new(room_id)) and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def _new(self, room_id: int) -> list[dict[str, Any]]:
        """Read page after page back to the last known message; oldest first."""
        last = self.last_ids.get(room_id, 0)
        found: deque[dict[str, Any]] = deque()
        before = 0
        while True:
            # By POST, as the published client does, addresses are paths.
            page = self.ok("GET", f"/api/message/list?room_id={room_id}&last_message_id={before}&limit=20")
            for message in page:
                if message["ID"] <= last:
                    return list(found)
                found.appendleft(message)
            if len(page) < 20:
                return list(found)
            before = page[-1]["ID"]


@dataclass
class FollowingRoomapiClient(RoomapiClient):
    """A client over real connections with a WebSocket from the login on.

    Pushed messages must equal the listed ones, in the same order.
    """

    socket: websocket.WebSocket | None = None
    pushed: Pushed = field(default_factory=lambda: defaultdict(deque))  # by room: not asked for yet

    def login(self, username: str, password: str = "secret1") -> None:
        super().login(username, password)
        self.close()
        if isinstance(self.transport, HttpTransport):
            address = self.transport.url.replace("http", "ws", 1) + "/api/message/ws"
            self.socket = websocket.create_connection(address, timeout=WAIT, header={"Authorization": self.token})
            assert json.loads(self.socket.recv()) == {"code": 0, "msg": "连接成功", "data": None}

    def close(self) -> None:
        """Close the socket, if there is one. Unread pushes may remain, but no duplicates."""
        if self.socket is None:
            return
        self.socket.close(timeout=1)
        self.socket.shutdown()  # which the line above leaves out where the server was first
        self.socket = None
        for room_id, pushes in self.pushed.items():
            assert all(message["ID"] > self.last_ids.get(room_id, 0) for message in pushes)
        self.pushed.clear()

    def _wait_for_new(self, room_id: int, timeout: float) -> list[dict[str, Any]]:
        found = super()._wait_for_new(room_id, timeout)
        if self.socket is not None:
            assert [self._next_push(self.socket, room_id) for _ in found] == found
        return found

    def _next_push(self, socket: websocket.WebSocket, room_id: int) -> dict[str, Any]:
        """The next message pushed of that room; those of others are kept until they are asked for."""
        while not self.pushed[room_id]:
            push = json.loads(socket.recv())
            assert set(push) == {"code", "msg", "data"}
            assert (push["code"], push["msg"]) == (0, "新消息")
            self.pushed[push["data"]["room_id"]].append(push["data"])
        return self.pushed[room_id].popleft()


def new_room(owner: RoomapiClient, name: str = "room1") -> int:
    """A room with only its owner in it; its id."""
    return int(owner.ok("POST", "/api/room/create", {"name": name, "description": "test room"})["ID"])


def send(client: RoomapiClient, room: int, content: str, **more: Any) -> Any:
    """Send a text; the stored message."""
    return client.ok("POST", "/api/message/send", {"room_id": room, "type": "text", "content": content, **more})


def page(client: RoomapiClient, room: int, **more: Any) -> list[str]:
    """Return the texts of a page of the room's messages, newest first as sent."""
    return [each["content"] for each in client.ok("POST", "/api/message/list", {"room_id": room, **more})]


def local_time(send_time: str) -> float:
    """Unix time (s) of a time on this machine, where no zone is set. Raises ValueError if it is in another form."""
    return time.mktime(time.strptime(send_time, "%Y-%m-%d %H:%M:%S"))
