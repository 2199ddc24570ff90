"""The tcp protocol's client: lines of JSON, in the order of arrival."""

import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.contract.clients import Caller, Heard, HttpTransport, Refused, Reply
from tests.raw import Connection

WAIT = 15.0  # seconds for an expected line
QUIET = 0.3  # seconds without a line: that was all
SAID = {
    "message_type", "timestamp", "message_id", "sender_id", "sender_username", "chat_group_id", "chat_group_name",
    "content",
}  # fmt: skip
LISTED = {"group_id", "group_name", "is_private_chat", "member_count", "created_at"}
# Of every message that the server may send: the keys of the document, and no others.
LISTS = {"list_chats_response", "list_users_response", "file_list_response"}  # of which one may ask for a page
KEYS = {
    "login_response": {"success", "user_id", "username", "error_message"},
    "register_response": {"success", "user_id", "username", "error_message"},
    "chat_message": SAID,
    "chat_history": SAID,
    "file_notification": SAID,
    "chat_history_complete": {"chat_group_id", "message_count"},
    "user_info_response": {
        "user_info", "joined_chats_count", "private_chats_count", "group_chats_count", "total_users_count",
        "online_users_count", "total_chats_count",
    },
    "list_users_response": {"users"},
    "list_chats_response": {"chats"},
    "create_chat_response": {"success", "chat_group_id", "chat_name", "error_message"},
    "enter_chat_response": {"success", "chat_group_id", "chat_name", "error_message"},
    "file_list_response": {"chat_group_id", "files"},
    "file_upload_response": {"success", "message", "file_id"},
    "file_download_response": {"success", "message", "filename", "file_size"},
    "system_message": {"content", "level"},
    "error_message": {"error_code", "error_message"},
    "heartbeat": set(),
}  # fmt: skip


class Lines(Connection):
    """One connection."""

    def __init__(
        self,
        port: int,
        *,
        timeout: float = WAIT,
        receive_buffer: int | None = None,
        source: str = "127.0.0.1",
        host: str = "127.0.0.1",
    ) -> None:
        source = source if host == "127.0.0.1" else ""
        super().__init__((host, port), timeout=timeout, receive_buffer=receive_buffer, source=source)
        self.timeout = timeout
        self.username, self.user_id = "", 0  # set after a login

    def send(self, message_type: str, **fields: Any) -> None:
        self.raw(json.dumps({"message_type": message_type, "timestamp": time.time(), **fields}).encode() + b"\n")

    def raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def next(self, timeout: float | None = None) -> dict[str, Any]:
        """The next message, which must be as documented. Raises TimeoutError, EOFError."""
        message: dict[str, Any] = json.loads(self.line(timeout))
        kind = message["message_type"]
        paged = {"next"} & set(message) if kind in LISTS else set()
        assert set(message) == KEYS[kind] | {"message_type", "timestamp"} | paged, message
        assert type(message["timestamp"]) is (str if kind == "chat_history" else float), message
        return message

    def line(self, timeout: float | None = None) -> bytes:
        while b"\n" not in self.buffer:
            self._more(timeout)
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def take(self, count: int) -> bytes:
        """So many raw bytes."""
        while len(self.buffer) < count:
            self._more(None)
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def ask(self, message_type: str, **fields: Any) -> dict[str, Any]:
        """Send; the next message, which must be the answer."""
        self.send(message_type, **fields)
        return self.next()

    def refused(self, message_type: str, **fields: Any) -> int:
        """Send; the error_code of the answer."""
        answer = self.ask(message_type, **fields)
        assert answer["message_type"] == "error_message", answer
        assert answer["error_message"], answer
        return int(answer["error_code"])

    def rest(self) -> list[dict[str, Any]]:
        """Return all lines until the server closes; a timeout if it does not."""
        found = []
        try:
            while True:
                found.append(self.next())
        except (EOFError, ConnectionError):
            return found

    def until_quiet(self, timeout: float = QUIET) -> list[dict[str, Any]]:
        """Return messages that arrive within timeout seconds, and directly after."""
        found: list[dict[str, Any]] = []
        try:
            while True:
                found.append(self.next(QUIET if found else max(timeout, QUIET)))
        except TimeoutError:
            return found

    def sign_in(self, username: str, password: str = "secret1") -> int:
        """Register and log in: the user's id."""
        assert self.ask("register_request", username=username, password=password)["success"]
        answer = self.ask("login_request", username=username, password=password)
        assert answer["success"], answer
        return int(answer["user_id"])

    def _more(self, timeout: float | None) -> None:
        self.socket.settimeout(self.timeout if timeout is None else timeout)
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data


_KINDS = {1001: "auth", 1002: "taken", 1003: "not_found", 1004: "not_found", 1005: "forbidden", 1008: "invalid"}


@dataclass
class TcpClient(Caller):
    """A client as a student would write it: pushed messages are kept until they are asked for."""

    protocol = "tcp"
    can = frozenset({"open", "logout", "online", "echo"})
    servers = ("gunicorn",)

    username: str = ""
    heard: dict[str, deque[Heard]] = field(default_factory=dict)
    sent: set[tuple[str, str]] = field(default_factory=set)  # room and client_message_id
    _lines: Lines | None = None

    @property
    def lines(self) -> Lines:
        if self._lines is None:
            assert isinstance(self.transport, HttpTransport)
            host = urlsplit(self.transport.url).hostname or ""
            self._lines = Lines(self.transport.tcp_port, host=host)
        return self._lines

    def ok(self, message_type: str, answer: str, **fields: Any) -> dict[str, Any]:
        """Send a request and return its answer; messages pushed meanwhile are kept. Raises Refused."""
        self.lines.send(message_type, **fields)
        while True:
            message = self.lines.next()
            if message["message_type"] == "error_message":
                raise self._refused(_KINDS[message["error_code"]], message)
            if message["message_type"] == answer:
                if message.get("success") is False:
                    raise self._refused("auth" if answer == "login_response" else "taken", message)
                return message
            self._put_by(message)

    def register(self, username: str, password: str = "secret1") -> None:
        self.ok("register_request", "register_response", username=username, password=password)
        self.login(username, password)

    def login(self, username: str, password: str = "secret1") -> None:
        if self.username:
            self.close()
        self.ok("login_request", "login_response", username=username, password=password)
        self.username = username

    def logout(self) -> None:
        self.ok("logout_request", "system_message")

    def create_room(self, room: str, passwd: str = "") -> None:
        self.ok("create_chat_request", "create_chat_response", chat_name=room, member_usernames=[])

    def join(self, room: str, passwd: str = "") -> None:
        self.ok("join_chat_request", "system_message", chat_name=room)

    def bring(self, room: str, other: Any) -> None:
        other.join(room)

    def delete_room(self, room: str, passwd: str = "") -> None:
        raise NotImplementedError

    def show(self, room: str, picture: bytes) -> None:
        raise NotImplementedError

    def rooms(self) -> set[str]:
        return self._listed("joined")

    def seen_rooms(self) -> set[str]:
        return self._listed("all")

    def members(self, room: str) -> list[str]:
        return [user["username"] for user in self._users(room)]

    def online(self, room: str) -> set[str]:
        return {user["username"] for user in self._users(room) if user["is_online"]}

    def say(self, room: str, text: str, client_message_id: str | None = None) -> None:
        more = {} if client_message_id is None else {"client_message_id": client_message_id}
        message = self.ok("chat_message", "chat_message", chat_group_name=room, content=text, **more)
        while message["sender_username"] != self.username:
            self._put_by(message)
            message = self.lines.next()
        if client_message_id is None or (room, client_message_id) not in self.sent:
            self._put_by(message)
        self.sent.add((room, client_message_id or ""))

    def hear(self, room: str, timeout: float = 0) -> list[Heard]:
        waiting = self.heard.setdefault(room.casefold(), deque())
        for message in self.lines.until_quiet(0 if waiting else timeout):
            self._put_by(message)
        found = list(waiting)
        waiting.clear()
        return found

    def close(self) -> None:
        if self._lines is not None:
            self._lines.close()
            self._lines = None

    def _users(self, room: str) -> list[dict[str, Any]]:
        chats = self.ok("list_chats_request", "list_chats_response")["chats"]
        group_id = next(chat["group_id"] for chat in chats if chat["group_name"] == room)
        asked = {"list_type": "current_chat", "chat_group_id": group_id}
        users: list[dict[str, Any]] = self.ok("list_users_request", "list_users_response", **asked)["users"]
        return users

    def _listed(self, kind: str) -> set[str]:
        chats = self.ok("list_chats_request", "list_chats_response", list_type=kind)["chats"]
        for chat in chats:
            assert set(chat) == LISTED, chat
        return {chat["group_name"] for chat in chats}

    def _put_by(self, message: dict[str, Any]) -> None:
        if message["message_type"] in {"chat_message", "file_notification"}:
            self.heard.setdefault(message["chat_group_name"].casefold(), deque()).append(self._heard(message))

    def _heard(self, message: dict[str, Any]) -> Heard:
        content = message["content"]
        if content.startswith("[图片] /attachments/"):
            return Heard(message["sender_username"], "image", self.call("GET", content.split()[1]).body)
        return Heard(message["sender_username"], "text", content)

    @staticmethod
    def _refused(kind: str, message: dict[str, Any]) -> Refused:
        return Refused(kind, Reply(0, {}, json.dumps(message).encode()))
