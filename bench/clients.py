"""Members of rooms, each as a program of that protocol would be. They differ in the wire only."""

import json
import time
from collections.abc import Callable

from bench.ledger import Ledger, Seat, text
from bench.wire import Connection, Reactor, head, post

PULL_SECONDS = 25
_RETRY_SECONDS = 0.5
Outcome = Callable[[int], None]  # status; 0 where the connection was lost


class Member:
    """One user in one room: receives on one connection, sends on another."""

    def __init__(self, reactor: Reactor, port: int, ledger: Ledger, seat: Seat, room: str, token: str) -> None:
        self.reactor = reactor
        self.ledger = ledger
        self.seat = seat
        self.room = room
        self.token = token
        self.ready = False
        self.closed = False
        self.receiver = Connection(reactor, port, self.received, self.lost)
        answered, lost = lambda status, _body, _now_ns: self._sent(status), lambda: self._sent(0)
        self.sender = Connection(reactor, port, answered, lost)
        self._outcome: Outcome | None = None

    def start(self) -> None:
        """Begin to receive."""
        raise NotImplementedError

    def received(self, status: int, body: bytes, now_ns: int) -> None:
        """An answer on the receiving connection."""
        raise NotImplementedError

    def send_request(self, words: str) -> bytes:
        """The request that sends these words."""
        raise NotImplementedError

    def send(self, number: int, outcome: Outcome) -> bool:
        """Send a message; False if the last one has not been answered yet."""
        if self.sender.busy or not self.ready:
            return False
        self._outcome = outcome
        self.sender.request(self.send_request(text(time.monotonic_ns(), number)))
        return True

    def lost(self) -> None:
        """The receiving connection broke: a lapse, and again a little later."""
        self.retry()

    def retry(self) -> None:
        self.ledger.lapses += 1
        self.reactor.later(_RETRY_SECONDS, self._start_again)

    def close(self, *, reset: bool = False) -> None:
        self.closed = True
        self.receiver.close(reset=reset)
        self.sender.close(reset=reset)

    def _start_again(self) -> None:
        if not self.closed and not self.receiver.busy:
            self.start()

    def _sent(self, status: int) -> None:
        outcome, self._outcome = self._outcome, None
        if outcome:
            outcome(status)


class Polling(Member):
    """Commonroom's own polling protocol: a held pull, again at once."""

    pull_seconds = PULL_SECONDS
    again = True  # whether an empty answer is followed by the next pull
    first_cursor = b'""'

    def prepare(self) -> None:
        """Know how to send."""
        self._headers = {"Authorization": self.token, "Content-Type": "application/json"}
        self._send_head = head("POST", "/chat/send", self._headers)

    def start(self) -> None:
        self.prepare()
        self._pull_head = head("POST", f"/chat/pull?timeout={self.pull_seconds}", self._headers)
        self._cursor = getattr(self, "_cursor", self.first_cursor)
        self._pull()
        self.ready = True

    def _pull(self) -> None:
        self.receiver.request(post(self._pull_head, b'{"%b":%b}' % (self.room.encode(), self._cursor)))

    def received(self, status: int, body: bytes, now_ns: int) -> None:
        if status != 200:
            self.retry()
            return
        at = body.rfind(b'"timestamp":"')
        if at >= 0:
            self._cursor = body[at + 12 : body.index(b'"', at + 13) + 1]
        else:
            self.ledger.empty += 1
        if self.again or at >= 0:
            self._pull()
        self.ledger.receive(self.seat, body, now_ns)

    def send_request(self, words: str) -> bytes:
        body = {"roomname": self.room, "new_message": {"type": "text", "content": words}}
        return post(self._send_head, json.dumps(body).encode())


class IdlePolling(Polling):
    """A pull held as long as the server allows, not repeated."""

    pull_seconds = 50
    again = False


class Naive(Member):
    """Polls once a second for messages newer than the last one received."""

    _last = b"0"
    _due = 0.0

    def prepare(self) -> None:
        """Know how to send."""
        headers = {"Authorization": self.token, "Content-Type": "application/json"}
        self._send_head = head("POST", "/messages", headers)

    def start(self) -> None:
        self.prepare()
        self._get_head = head("GET", f"/messages?room={self.room}&after=LAST", {"Authorization": self.token})
        self._due = time.monotonic()
        self._ask()

    def _ask(self) -> None:
        if not self.closed and not self.receiver.busy:
            self.receiver.request(self._get_head.replace(b"LAST", self._last))

    def received(self, status: int, body: bytes, now_ns: int) -> None:
        self.ready = True
        at = body.rfind(b'"id":')
        if status != 200:
            self.ledger.lapses += 1
        elif at >= 0:
            self._last = body[at + 5 : body.index(b",", at)]
            self.ledger.receive(self.seat, body, now_ns)
        else:
            self.ledger.empty += 1
        self._due = max(self._due + 1.0, now_ns / 1e9)
        self.reactor.later(self._due - now_ns / 1e9, self._ask)

    def send_request(self, words: str) -> bytes:
        return post(self._send_head, json.dumps({"room": self.room, "text": words}).encode())


class SocketIo(Member):
    """Engine.IO 4 by long-polling, and Socket.IO 5 in it: see engineio/server.py and socketio/server.py."""

    def start(self) -> None:
        self.ready = False
        self._target = "/socket.io/?EIO=4&transport=polling"
        self._pongs = 0
        self.receiver.request(head("GET", self._target, {}))

    def received(self, status: int, body: bytes, now_ns: int) -> None:
        if status != 200:
            self.retry()
            return
        if body.startswith(b"0{"):
            self._opened(json.loads(body[1:]))
            return
        self.receiver.request(self._poll_request)
        self.ledger.receive(self.seat, body, now_ns)
        for packet in body.split(b"\x1e"):
            if packet == b"2":
                self._pongs += 1
                self._pong()
            elif packet.startswith(b"40"):
                self.ready = True

    def _opened(self, about: dict[str, str]) -> None:
        target = f"{self._target}&sid={about['sid']}"
        self._poll_request = head("GET", target, {})
        self._send_head = head("POST", target, {"Content-Type": "text/plain;charset=UTF-8"})
        self.receiver.request(self._poll_request)
        self.sender.request(post(self._send_head, b'40{"token":"%b"}' % self.token.encode()))

    def _pong(self) -> None:
        if self._pongs and not self.sender.busy:
            self._pongs = 0
            self.sender.request(post(self._send_head, b"3"))

    def _sent(self, status: int) -> None:
        super()._sent(status)
        self._pong()

    def send_request(self, words: str) -> bytes:
        return post(self._send_head, f'42["send",{json.dumps({"room": self.room, "text": words})}]'.encode())
