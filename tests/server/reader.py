"""A client of polling that pulls over one connection, with one head."""

import json
import socket
from typing import Any

from tests.raw import Talk, answer
from tests.real_server import Server


class Reader:
    """A client that pulls again and again on one connection, with the same head."""

    def __init__(self, server: Server, token: str, query: str = "timeout=20", port: int = 0) -> None:
        """port: of a proxy in front of the server."""
        self.server, self.token, self.query = server, token, query
        self.talk = Talk(server, timeout=20, port=port)

    def ask(self, body: bytes | dict[str, Any], width: int = 200) -> None:
        """Bodies are padded to one width, so that Content-Length is the same, too."""
        self.talk.send(b"\r\n".join(self.parts(body, width)))

    def ask_in_two(self, body: bytes | dict[str, Any], width: int = 200) -> None:
        """Send the body once the server has read the head."""
        head, raw = self.parts(body, width)
        self.talk.send(head + b"Expect: 100-continue\r\n\r\n")
        assert self.talk.answer().status == 100
        self.talk.send(raw)

    def parts(self, body: bytes | dict[str, Any], width: int) -> tuple[bytes, bytes]:
        """The head without its empty line, and the body."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        raw = raw.ljust(width)
        head = f"POST /chat/pull?{self.query} HTTP/1.1\r\nHost: x\r\nAuthorization: {self.token}\r\n"
        return f"{head}Content-Length: {len(raw)}\r\n".encode(), raw

    def pull(self, body: bytes | dict[str, Any]) -> tuple[int, Any]:
        self.ask(body)
        return answer(self.talk)

    def is_waiting(self) -> bool:
        self.talk.socket.settimeout(0.25)
        try:
            return not self.talk.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self.talk.socket.settimeout(20)
