# ruff: noqa: T201, S603
"""Four requests followed through the code: own calls, files, and moves between files and layers.

python -m bench.walks            counts the four walks
python -m bench.walks --calls    and every call
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from bench.servers import BIN, free_port

ROOT = Path(os.environ.get("WALKS_ROOT") or Path(__file__).resolve().parent.parent)
LAYERS = (
    "server",
    "live",
    "http",
    "protocols",
    "services",
    "delivery",
    "backends",
    "storage",
    "models",
    "security",
    "web",
)
APART = ("bus", "housekeeping", "health", "walks")  # threads
BEATS = ("chat/server/worker.py", "chat/server/malloc_trim.py")  # run once a second, and for no request


class Served:
    """A server whose calls can be recorded."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="walks-"))
        self.port, self.tcp_port = free_port(), free_port()
        self.out = self.home / "walk"
        environment = os.environ | {
            "WALKS_ROOT": str(ROOT), "WALKS_OUT": str(self.out), "CHAT_INSTANCE_PATH": str(self.home),
            "PORT": str(self.port), "TCP_PORT": str(self.tcp_port), "CHAT_RATE_LIMITS": "0",
        }  # fmt: skip
        subprocess.run([BIN / "flask", "--app", "wsgi", "db", "upgrade"], cwd=ROOT, env=environment, check=True,
                       capture_output=True)  # fmt: skip
        conf = Path(__file__).resolve().parent / "walks_conf.py"
        log = (self.home / "log").open("wb")
        self.process = subprocess.Popen(
            [BIN / "gunicorn", "-c", conf], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        wait(lambda: self.answers(), 30)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as reply:
                return bool(reply.status == 200)
        except OSError:
            return False

    def record(self, act: Callable[[], None]) -> list[tuple[float, str, str, str]]:
        """The calls while `act` runs and a moment after it, without those of background threads."""
        time.sleep(0.3)  # for connections that were closed before
        self.out.touch()
        time.sleep(0.05)
        act()
        time.sleep(0.1)
        self.out.unlink()
        done = self.out.with_suffix(".calls")
        wait(done.exists, 10)
        rows = [line.split("\t") for line in done.read_text(encoding="utf-8").splitlines()]
        done.unlink()
        return sorted(
            (float(at), thread, file, name)
            for at, thread, file, name in rows
            if not thread.startswith(APART) and file not in BEATS
        )

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def wait(until: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not until():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


class Client:
    """One connection, with a user's token."""

    def __init__(self, port: int, name: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.token = ""
        if name:
            head, _ = self.ask("POST", "/user/register", {"username": name, "password": "secret1"})
            cookie = next(line for line in head.split("\r\n") if line.lower().startswith("set-cookie:"))
            self.token = cookie.split("=", 1)[1].split(";")[0]

    def send(self, method: str, path: str, body: object) -> None:
        raw = json.dumps(body).encode()
        auth = f"Authorization: {self.token}\r\n" if self.token else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{auth}Content-Length: {len(raw)}\r\n\r\n"
        self.socket.sendall(head.encode() + raw)

    def answer(self) -> tuple[str, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.socket.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += self.socket.recv(65536)
        return head.decode(), body

    def ask(self, method: str, path: str, body: object) -> tuple[str, bytes]:
        self.send(method, path, body)
        return self.answer()

    def line(self, **fields: object) -> None:
        self.socket.sendall(json.dumps(fields).encode() + b"\n")
        self.socket.recv(65536)


def layer(file: str) -> str:
    parts = file.split("/")
    return parts[1] if parts[0] == "chat" and parts[1] in LAYERS else "app"


def count(calls: list[tuple[float, str, str, str]]) -> dict[str, int]:
    files = [file for _, _, file, _ in calls]
    layers = [layer(file) for file in files]
    return {
        "own calls": len(calls),
        "files": len(set(files)),
        "moves between files": sum(a != b for a, b in pairwise(files)),
        "moves between layers": sum(a != b for a, b in pairwise(layers)),
    }


def walks(served: Served) -> dict[str, list[tuple[float, str, str, str]]]:
    """Each walk is recorded after the same was done once, so that caches are filled and modules loaded."""
    alice, bob = Client(served.port, "alice"), Client(served.port, "bob")
    message = {"roomname": "public", "new_message": {"type": "text", "content": "x"}}
    found: dict[str, list[tuple[float, str, str, str]]] = {}
    for name in ("", "a' send, nobody waits"):
        found[name] = served.record(lambda: alice.ask("POST", "/chat/send", message) and None)
    held = {"public": "2099-01-01T00:00:00Z"}
    for name in ("", "b1 first pull, held"):
        reader = Client(served.port, "")
        reader.token = bob.token
        found[name] = served.record(lambda: reader.send("POST", "/chat/pull?timeout=20", held))  # noqa: B023
    reader.socket.close()
    time.sleep(0.2)
    reader = Client(served.port, "")
    reader.token = bob.token
    cursor = json.loads(reader.ask("POST", "/chat/pull?timeout=0", {"public": ""})[1])["public"][-1]["timestamp"]
    for name in ("", "a send, a pull is held"):
        reader.send("POST", "/chat/pull?timeout=20", {"public": cursor})
        time.sleep(0.2)

        def said() -> None:
            alice.ask("POST", "/chat/send", message)
            nonlocal cursor
            cursor = json.loads(reader.answer()[1])["public"][-1]["timestamp"]

        found[name] = served.record(said)
    found["b2 next pull, held"] = served.record(
        lambda: reader.send("POST", "/chat/pull?timeout=20", {"public": cursor})
    )
    reader.socket.close()
    talker = Client(served.tcp_port, "")
    talker.line(message_type="login_request", username="alice", password="secret1")  # noqa: S106
    for name in ("", "c tcp chat_message"):
        found[name] = served.record(
            lambda: talker.line(message_type="chat_message", content="x", chat_group_name="public")
        )
    for name in ("", "d ims message, a tcp reader gets it"):
        body = {"conversationId": 1, "content": "x"}
        found[name] = served.record(lambda: alice.ask("POST", "/conversations/messages", body) and None)  # noqa: B023
    del found[""]
    return found


def main() -> None:
    served = Served()
    try:
        found = walks(served)
    finally:
        served.stop()
    print("| walk | own calls | files | moves between files | moves between layers |\n|---|---|---|---|---|")
    for name, calls in sorted(found.items()):
        print(f"| {name} | " + " | ".join(map(str, count(calls).values())) + " |")
        if "--calls" in sys.argv:
            for _, thread, file, called in calls:
                print(f"    {thread:24} {file:44} {called}")


if __name__ == "__main__":
    main()
