"""A connection's end that records sent data, for handlers without a server."""

import json
from collections.abc import Callable
from typing import Any

from chat.server.ports import Pieces, PushReader


class FakePeer:
    """A chat.server.ports.LinePeer."""

    address = ("127.0.0.1", 1)
    is_open = True

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.closed_with: int | None = None
        self.reader: PushReader | None = None

    def send(self, text: str | bytes) -> None:
        self.said += map(json.loads, text.splitlines())

    def framed(self, payload: bytes) -> bytes:
        return payload

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed_with = code

    def close_in(self, seconds: float | None) -> None:
        pass

    def follow(self, make: Callable[[Callable[[], None]], PushReader]) -> None:
        self.reader = make(lambda: None)

    def unfollow(self) -> None:
        pass

    def belongs_to(self, user_id: int | None) -> None:
        pass

    def take_raw(self, count: int) -> None:
        pass

    def send_pieces(self, pieces: Pieces) -> None:
        pass
