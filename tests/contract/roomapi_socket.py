"""The roomapi protocol's client with WebSockets, and what its frames are held against."""

from contextlib import suppress
from typing import Any

import websocket

from tests.contract.clients import HttpTransport, PollingClient
from tests.contract.realtime_client import RoomSocket, unique
from tests.contract.roomapi_client import RoomapiClient

GREETING = {"code": 0, "msg": "连接成功", "data": None}
PONG = {"code": 2, "msg": "ok", "data": None}
DOCUMENTED, PUBLISHED = "/api/message/ws", "/ws/join"


class Member(RoomapiClient):
    """A user with a token and sockets."""

    def __init__(self, url: str, stem: str) -> None:
        super().__init__(HttpTransport(url))
        self.url = url
        self.sockets: list[RoomSocket] = []
        self.register(unique(stem))

    def connect(self, path: str = DOCUMENTED, token: str | None = None, **options: Any) -> RoomSocket:
        """A socket, by the header, as soon as it follows."""
        options.setdefault("header", {"Authorization": self.token if token is None else token})
        self.sockets.append(RoomSocket(self.url, path=path, **options))
        if path.startswith(DOCUMENTED):
            assert self.sockets[-1].next() == GREETING
        else:  # following is not acknowledged: frames are handled in order, so wait for a pong
            self.sockets[-1].send({"type": "ping"})
            assert self.sockets[-1].next() == PONG
        return self.sockets[-1]

    def make(self, *others: RoomapiClient | PollingClient) -> int:
        """Create a room with these members and return its id."""
        room = int(self.ok("POST", "/api/room/create", {"name": unique("room"), "description": ""})["ID"])
        for other in others:
            self.add(room, other)
        return room

    def add(self, room: int, other: RoomapiClient | PollingClient) -> None:
        self.ok("POST", "/api/room/add_user", {"room_id": room, "user_name": other.username})

    def post(self, room: int, content: str) -> Any:
        return self.ok("POST", "/api/message/send", {"room_id": room, "type": "text", "content": content})

    def stored(self, room: int) -> list[str]:
        """Return the stored texts, oldest first."""
        found = self.ok("POST", "/api/message/list", {"room_id": room, "limit": 100})
        return [each["content"] for each in reversed(found)]

    def close(self) -> None:
        for each in self.sockets:
            with suppress(OSError, websocket.WebSocketException):
                each.close()


def text(room: int, content: str, **more: Any) -> dict[str, Any]:
    return {"room_id": room, "type": "text", "content": content, **more}


def contents(frames: list[Any]) -> list[str]:
    """Those of pushed messages; nothing else may be among the frames."""
    assert all(frame["code"] == 0 and frame["msg"] == "新消息" for frame in frames), frames
    return [frame["data"]["content"] for frame in frames]


def heard(socket: RoomSocket, count: int) -> list[str]:
    """So many pushed messages, and that no other follows."""
    return contents([socket.next() for _ in range(count)] + socket.until_quiet())


def assert_refused(answer: Any, word: str = "") -> None:
    assert set(answer) == {"code", "msg", "data"}
    assert (answer["code"], answer["data"]) == (1, None)
    assert word in answer["msg"], answer
    assert 0 < len(answer["msg"]) < 1000
    assert "{" not in answer["msg"]
