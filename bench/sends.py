"""Sending alone, without anybody who waits: what storing a message costs, and what durability adds to it."""

import json
import time

from bench.ledger import text
from bench.wire import Connection, Reactor, head, post


class Sender:
    """One connection that sends to one room; with `on`, each message as soon as the last one is answered."""

    def __init__(self, reactor: Reactor, port: int, room: str, token: str, target: str = "/chat/send") -> None:
        self._connection = Connection(reactor, port, self._answered, self._lost)
        self._head = head("POST", target, {"Authorization": token, "Content-Type": "application/json"})
        self._room = room
        self._began = 0
        self.number = 0
        self.on = False
        self.latencies: list[int] = []  # ns, from the request to its answer
        self.failed = 0

    @property
    def busy(self) -> bool:
        return self._connection.busy

    def send(self) -> None:
        """One message. Not while `busy`."""
        self.number += 1
        self._began = time.monotonic_ns()
        message = {"type": "text", "content": text(self._began, self.number)}
        body = {"roomname": self._room, "new_message": message}
        self._connection.request(post(self._head, json.dumps(body).encode()))

    def close(self) -> None:
        self._connection.close()

    def _answered(self, status: int, _body: bytes, now_ns: int) -> None:
        if status == 200:
            self.latencies.append(now_ns - self._began)
        else:
            self.failed += 1
        if self.on:
            self.send()

    def _lost(self) -> None:
        self.failed += 1
