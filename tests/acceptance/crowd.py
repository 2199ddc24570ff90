"""Clients of several servers, which record their answers with times."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import requests
import websocket

from tests.contract.clients import HttpTransport, PollingClient
from tests.contract.realtime_client import Closed, RealtimeClient
from tests.real_server import Server, wait_until

PAUSE_SECONDS = 0.1  # between two requests of a sender
PULL_SECONDS = 30  # longer than any outage
LOST = (OSError, requests.RequestException)


@dataclass(frozen=True)
class Answer:
    """A request's answer. Times are time.monotonic() s."""

    began: float
    ended: float
    status: int  # 0: none
    messages: int = 0

    @property
    def seconds(self) -> float:
        return self.ended - self.began


@dataclass
class Reader:
    """Texts in the order in which they came, and when."""

    name: str
    heard: list[tuple[str, float]] = field(default_factory=list)
    pulls: list[Answer] = field(default_factory=list)
    was_closed: bool = False

    @property
    def texts(self) -> list[str]:
        return [text for text, _ in self.heard]


class Crowd:
    """On each server two senders, two long-polling readers and two WebSockets, in the lobby, until `end`.

    And one who waits for news of a room where nobody speaks.
    """

    def __init__(self, servers: Sequence[Server]) -> None:
        self.sends: list[Answer] = []
        self.acknowledged: dict[str, float] = {}  # by text: when the acknowledged attempt began
        self.pullers: list[Reader] = []
        self.sockets: list[Reader] = []
        self._waiting: list[Reader] = []
        self._ends = threading.Event()
        self._all_sent = threading.Event()
        self._senders: list[threading.Thread] = []
        self._readers: list[threading.Thread] = []
        for number in range(2 * len(servers)):
            server = servers[number % len(servers)]
            self.pullers.append(self._add_puller(server, f"puller {number}"))
            self._add_socket(server, f"socket {number}")
        for number, server in enumerate(servers):
            self._waiting.append(self._add_puller(server, f"waiter {number}", f"silence {number}"))
        for number in range(2 * len(servers)):
            sender = PollingClient(HttpTransport(servers[number % len(servers)].url))
            sender.register(f"sender {number}")
            self._senders.append(threading.Thread(target=self._send, args=(sender,)))
        for thread in self._readers + self._senders:
            thread.start()

    def goes_on(self, what: str) -> None:
        """Wait until every sender has been acknowledged some more messages."""
        count = len(self.acknowledged)
        wait_until(lambda: len(self.acknowledged) > count + 20, f"messages are acknowledged {what}", timeout=60)

    def end(self) -> None:
        """Stop, and check that every reader has every acknowledged message once, in one order."""
        self._ends.set()
        for thread in self._senders:
            thread.join(60)
        readers = self.pullers + self.sockets
        sent = set(self.acknowledged)
        with contextlib.suppress(AssertionError):  # the assertions below name the missing messages
            wait_until(lambda: all(sent <= set(each.texts) for each in readers), "all has come", timeout=20)
        self._all_sent.set()
        for thread in self._readers:
            thread.join(2 * PULL_SECONDS)
            assert not thread.is_alive()
        order = self.pullers[0].texts
        for each in readers:
            assert len(set(each.texts)) == len(each.texts), f"{each.name} has got some twice"
            missing = sent - set(each.texts)
            assert not missing, f"{each.name} has not got {sorted(missing)[:5]} and others, {len(missing)}"
            assert each.texts == order, f"{each.name} has got them in another order"

    def latest(self) -> float:
        """The longest time in seconds from an acknowledged send's beginning to a reader."""
        readers = self.pullers + self.sockets
        return max(at - self.acknowledged[text] for each in readers for text, at in each.heard
                   if text in self.acknowledged)  # fmt: skip

    def answered_early(self, began: float, ended: float) -> list[Answer]:
        """Pulls held when an outage began, and answered during it or at its end without news."""
        pulls = [pull for each in self._waiting for pull in each.pulls]
        held = [pull for pull in pulls if pull.began < began < pull.ended]
        assert len(held) == len(self._waiting)
        return [pull for pull in held if pull.ended < ended + 1 and pull.seconds < PULL_SECONDS]

    def _send(self, client: PollingClient) -> None:
        for number in _numbers(self._ends):
            text = f"{client.username}: {number}"
            body = {"roomname": "public", "new_message": {"type": "text", "content": text, "client_message_id": text}}
            while True:
                answer, _ = ask(client, "/chat/send", body)
                self.sends.append(answer)
                if answer.status == 200:
                    self.acknowledged[text] = answer.began
                    break
                if self._ends.is_set():
                    return
                time.sleep(PAUSE_SECONDS)

    def _add_puller(self, server: Server, name: str, own_room: str = "") -> Reader:
        client = PollingClient(HttpTransport(server.url))
        client.register(name)
        if own_room:
            client.create_room(own_room)
        room = own_room or "public"
        reader = Reader(name)

        def pull() -> None:
            cursor = ""
            while not self._all_sent.is_set():
                seconds = 1 if self._ends.is_set() else PULL_SECONDS
                answer, got = ask(client, f"/chat/pull?timeout={seconds}", {room: cursor})
                messages = got.get(room, [])
                now = time.monotonic()
                reader.heard += [(message["content"], now) for message in messages]
                reader.pulls.append(Answer(answer.began, answer.ended, answer.status, len(messages)))
                cursor = messages[-1]["timestamp"] if messages else cursor
                if answer.status != 200:
                    time.sleep(PAUSE_SECONDS)

        self._readers.append(threading.Thread(target=pull))
        return reader

    def _add_socket(self, server: Server, name: str) -> None:
        client = RealtimeClient(HttpTransport(server.url))
        client.register(name)
        socket = client.entered["public"].socket
        reader = Reader(name)
        self.sockets.append(reader)

        def listen() -> None:
            while not self._all_sent.is_set():
                try:
                    frame = socket.next(timeout=0.5)
                except TimeoutError:
                    continue
                except (Closed, OSError, websocket.WebSocketException):
                    reader.was_closed = True
                    return
                if frame.get("type") == 0:
                    reader.heard.append((frame["msg"], time.monotonic()))
            client.close()

        self._readers.append(threading.Thread(target=listen))


def _numbers(end: threading.Event) -> Iterator[int]:
    number = 0
    while not end.wait(PAUSE_SECONDS):
        yield number
        number += 1


def ask(client: PollingClient, path: str, body: object) -> tuple[Answer, dict[str, list[dict[str, str]]]]:
    """Ask once, and write down how that went."""
    began = time.monotonic()
    try:
        reply = client.call("POST", path, body)
    except LOST:
        return Answer(began, time.monotonic(), 0), {}
    return Answer(began, time.monotonic(), reply.status), reply.json if reply.status == 200 else {}
