"""Clients on several hosts that reconnect after every loss."""

import threading
import time
from contextlib import suppress
from typing import Any

import requests
import websocket

from tests import hosts as played
from tests.contract.clients import HttpTransport, PollingClient, Refused
from tests.contract.realtime_client import Closed, RealtimeClient
from tests.contract.tcp_client import TcpClient
from tests.hosts import Hosts
from tests.real_server import wait_until

LOST = (
    Closed,
    Refused,
    OSError,
    requests.RequestException,
    websocket.WebSocketException,
    EOFError,
    AssertionError,
    KeyError,
    ValueError,
)
SILENT_SECONDS = 8.0  # a pushed client hears nothing for so long: its connection may be lost


def both_answer(hosts: Hosts) -> bool:
    def answers(url: str) -> bool:
        try:
            return requests.get(f"{url}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    urls = [f"http://{played.NET}.{n}:8000" for n in (11, 12)]
    return all(map(answers, [*urls, hosts.url]))


def person(hosts: Hosts, kind: Any, name: str) -> Any:
    made = kind(HttpTransport(hosts.url, hosts.tcp_port))
    made.register(name)
    return made


class Line:
    """A WebSocket, or a line of the tcp protocol: messages are pushed, and come without gaps while it lasts."""

    def __init__(self, hosts: Hosts, kind: type[RealtimeClient | TcpClient], name: str, prefix: str) -> None:
        self._hosts = hosts
        self._kind = kind
        self._name = name
        self._prefix = prefix
        self.runs: list[list[str]] = []  # the texts of each connection
        person(hosts, kind, name).close()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def end(self) -> None:
        self._ends.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def check(self, order: list[str]) -> None:
        """Each connection has heard a part of the conversation without gaps."""
        assert sum(map(len, self.runs)) > 0, self._name
        said = set(order)  # not the last one, if it was stored and the sender never heard of it
        for run in filter(None, ([text for text in each if text in said] for each in self.runs)):
            begin = order.index(run[0])
            assert run == order[begin : begin + len(run)], self._name

    def _listen(self) -> None:
        while not self._ends.is_set():
            client = self._kind(HttpTransport(self._hosts.url, self._hosts.tcp_port))
            with suppress(*LOST):
                client.login(self._name)
                if isinstance(client, RealtimeClient):
                    client.join("public")
                self._hear(client)
            with suppress(*LOST):
                client.close()
            self._ends.wait(0.2)

    def _hear(self, client: RealtimeClient | TcpClient) -> None:
        run: list[str] = []
        self.runs.append(run)
        heard_at = time.monotonic()
        while not self._ends.is_set() and time.monotonic() - heard_at < SILENT_SECONDS:
            for each in client.hear("public", timeout=1):
                heard_at = time.monotonic()
                if isinstance(each.content, str) and each.content.startswith(self._prefix):
                    run.append(each.content)


class Talk:
    """A sender that repeats until it is acknowledged and a reader that comes again, by polling's client, and lines."""

    def __init__(self, hosts: Hosts, name: str) -> None:
        self.sender = person(hosts, PollingClient, f"{name}-says")
        self.reader = person(hosts, PollingClient, f"{name}-hears")
        self.reader.hear("public")
        self.acknowledged: list[str] = []
        self.heard: list[str] = []
        self._ends = threading.Event()
        self._name = name
        self.lines = [
            Line(hosts, RealtimeClient, f"{name}-socket", f"{name} "),
            Line(hosts, TcpClient, f"{name}-line", f"{name} "),
        ]
        self._threads = [threading.Thread(target=job) for job in (self._say, self._hear)]
        for thread in self._threads:
            thread.start()

    def _say(self) -> None:
        number = 0
        while not self._ends.is_set():
            text = f"{self._name} {number}"
            try:
                self.sender.say("public", text, client_message_id=text)
            except LOST:
                self._ends.wait(0.2)
                continue
            self.acknowledged.append(text)
            number += 1
            self._ends.wait(0.02)

    def _hear(self) -> None:
        while not self._ends.is_set() or len(self.heard) < len(self.acknowledged):
            try:
                new = self.reader.hear("public", timeout=3)
            except LOST:
                time.sleep(0.2)
                continue
            self.heard += [each.content for each in new if each.content.startswith(f"{self._name} ")]

    def goes_on(self, what: str) -> None:
        count = len(self.acknowledged)
        wait_until(lambda: len(self.acknowledged) > count + 20, f"messages are acknowledged {what}", timeout=60)

    def end(self) -> None:
        """Every acknowledged message arrived once, in order."""
        self._ends.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        for line in self.lines:
            line.end()
        # The last one may be stored without its acknowledgement.
        assert self.heard[: len(self.acknowledged)] == self.acknowledged
        assert len(self.heard) <= len(self.acknowledged) + 1
        for line in self.lines:
            line.check(self.heard)
