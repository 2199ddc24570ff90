"""`python -m bench.roster`: an import of 2,000 people whose passwords stand in the file, while a class talks.

Prints how the progress moves, how long the requests take, and how long sends take before, during and after it.
"""
# ruff: noqa: T201

import argparse
import base64
import http.client
import json
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import report
from bench.ledger import percentile
from bench.searching import ask
from bench.servers import CORES, Commonroom

ROOM = "room-0000"
MEMBERS = 30
PER_SECOND = 20  # messages
ASK_EVERY_S = 0.7  # as the page does
_PARTS = ("before", "hashing", "storing", "after")


class Unpinned(Commonroom):
    """With all cores, as hashing uses them."""

    def command(self) -> list[str | Path]:
        return ["taskset", "-c", ",".join(map(str, CORES)), *super().command()]


@dataclass
class Sends:
    """How long sends took, by what happened meanwhile."""

    part: str = "before"
    took: dict[str, list[int]] = field(default_factory=lambda: {part: [] for part in _PARTS})  # ns
    failures: list[str] = field(default_factory=list)

    def run(self, server: Commonroom, stop: threading.Event) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        tokens = server.tokens[ROOM]
        count = 0
        while not stop.wait(1 / PER_SECOND):
            body = json.dumps({"roomname": ROOM, "new_message": {"type": "text", "content": f"no. {count}"}})
            began, part = time.perf_counter_ns(), self.part
            try:
                ask(connection, tokens[count % len(tokens)], "POST", "/chat/send", body)
            except (OSError, ValueError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
            self.took[part].append(time.perf_counter_ns() - began)
            count += 1
        connection.close()


class Teacher:
    """Imports by the API, as the page does."""

    def __init__(self, server: Commonroom) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self._cookie = ""
        self._call("POST", "/user/register", {"username": "teacher", "password": "secret of hers"})
        server.run(sys.executable, "-m", "flask", "--app", "wsgi", "chat", "teacher", "teacher")

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        response = self.request(method, path, None if body is None else json.dumps(body).encode())
        answer: dict[str, Any] = json.loads(response.read())
        if cookie := response.headers.get("Set-Cookie"):
            self._cookie = cookie.partition(";")[0]
        return answer

    def request(
        self, method: str, path: str, body: bytes | None = None, media_type: str = "application/json"
    ) -> http.client.HTTPResponse:
        """The answer, to be read. Raises RuntimeError if it is a refusal."""
        headers = {"Content-Type": media_type, "Cookie": self._cookie}
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {response.read()[:300]!r}")
        return response

    def import_roster(self, content: bytes, sends: Sends) -> None:
        """Print the times of the import's steps. Raises RuntimeError if it fails."""
        text = base64.b64encode(content).decode()
        checked, check_s = _timed(lambda: self._call("POST", "/site/roster/check", {"content": text}))
        if checked["errors"]:
            raise RuntimeError(str(checked["errors"][:3]))
        sends.part = "hashing"
        body = {"content": text, "passwords": False}
        begun, begin_s = _timed(lambda: self._call("POST", "/site/roster/import", body))
        began = moved_at = time.monotonic()
        done, longest_ask, longest_stand = 0, 0.0, 0.0
        while True:
            status, took = _timed(lambda: self._call("GET", f"/site/roster/status?id={begun['id']}"))
            longest_ask, now = max(longest_ask, took), time.monotonic()
            if status["state"] != "running":
                break
            if status["done"] != done:
                longest_stand, moved_at, done = max(longest_stand, now - moved_at), now, status["done"]
            if done == status["total"]:
                sends.part = "storing"
            time.sleep(ASK_EVERY_S if done < status["total"] - 40 else 0.02)
        seconds = time.monotonic() - began
        sends.part = "after"
        if status["state"] != "done":
            raise RuntimeError(str(status))
        print(
            f"{status['total']:,} people in {seconds:.1f} s: check {check_s:.2f} s, answer {begin_s:.2f} s, "
            f"longest without progress {longest_stand:.1f} s, slowest question for it {longest_ask * 1000:.0f} ms"
        )


def _timed(call: Any) -> tuple[Any, float]:
    began = time.monotonic()
    return call(), time.monotonic() - began


def roster(people: int, *, has_passwords: bool) -> bytes:
    """Return a file of people, in three rooms each."""
    lines = ["username,name,password,rooms"]
    for number in range(people):
        password = f"chosen {number}" if has_passwords else ""
        lines.append(f"bench-{number},Name {number},{password},Class {number // 30};Year {number // 200};All")
    return "\n".join(lines).encode()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.roster", description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--generated", action="store_true", help="no passwords in the file")
    parser.add_argument("--calm", type=float, default=10.0, help="seconds before and after it")
    options = parser.parse_args()
    sends, stop = Sends(), threading.Event()
    with Unpinned(1, MEMBERS) as server:
        teacher = Teacher(server)
        sender = threading.Thread(target=sends.run, args=(server, stop))
        sender.start()
        try:
            time.sleep(options.calm)
            teacher.import_roster(roster(options.people, has_passwords=not options.generated), sends)
            time.sleep(options.calm)
        finally:
            stop.set()
            sender.join()
    print(f"Machine: {report.machine()}, for the server, the class and the teacher")
    for part, took in sends.took.items():
        shares = ", ".join(f"{name} {percentile(sorted(took), share):.1f}" for name, share in _SHARES)
        print(f"sends {part:8} {len(took):5}: {shares} ms")
    print(f"refused or failed: {len(sends.failures)} {sends.failures[:3]}")
    return 1 if sends.failures else 0


_SHARES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("slowest", 1))


if __name__ == "__main__":
    sys.exit(main())
