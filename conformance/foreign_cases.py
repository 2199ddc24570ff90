"""What each foreign client is asked to do, and Chromium and node in programs of their own."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import sync_playwright

from conformance.clients import CLIENTS, HERE, LIMIT, Client, Outcome, Reply
from tests.browser import find_browser
from tests.e2e.conftest import BROWSER_FLAGS
from tests.pictures import noise
from tests.raw import token_of
from tests.real_server import Server

_PULLED_AFTER = 0.3  # seconds until the message that ends a held pull


class Class:
    """The people on the server: `me` acts by the client, `other` by requests."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.me, self.other = token_of(server, "foreign"), token_of(server, "native")

    def say(self, text: str) -> None:
        reply = requests.post(
            f"{self.server.url}/chat/send", data=message(text), headers={"Authorization": self.other},
            verify=self.server.verify, timeout=30,
        )  # fmt: skip
        reply.raise_for_status()

    def history(self) -> list[dict[str, Any]]:
        reply = requests.get(
            f"{self.server.url}/chat/history?roomname=public&limit=100", headers={"Authorization": self.other},
            verify=self.server.verify, timeout=30,
        )  # fmt: skip
        found: list[dict[str, Any]] = reply.json()["messages"]
        return found

    def count(self, text: str) -> int:
        return sum(each["content"] == text for each in self.history())


def message(text: str, kind: str = "text") -> bytes:
    return json.dumps({"roomname": "public", "new_message": {"type": kind, "content": text}}).encode()


def expect(reply: Reply, status: int) -> Any:
    assert reply.status == status, f"{reply.status} instead of {status}: {reply.body[:100]!r}"
    return reply.json


def talks(client: Client, people: Class) -> None:
    account = json.dumps({"username": "foreign", "password": "secret1"}).encode()
    expect(client.ask("POST", "/user/login", "", account), 200)
    text = f"said by {client.name}"
    expect(client.ask("POST", "/chat/send", people.me, message(text)), 200)
    shown = expect(client.ask("GET", "/chat/history?roomname=public", people.me), 200)["messages"]
    assert shown[-1]["content"] == text, shown[-1]
    assert people.count(text) == 1


def meets_errors(client: Client, people: Class) -> None:
    cases: list[tuple[int, str, str, str, bytes | None]] = [
        (400, "POST", "/chat/send", people.me, b"{"),
        (401, "GET", "/user/me", "none", None),
        (404, "GET", "/chat/nowhere", people.me, None),
        (405, "POST", "/user/me", people.me, b"{}"),
        (413, "POST", "/room/join", people.me, b'{"roomname":"' + b"x" * 70_000 + b'"}'),
    ]
    for status, method, path, token, body in cases:
        reply = client.ask(method, path, token, body)
        if client.name == "wget" and status == 401:  # it throws the body away
            assert reply == Reply(401, b"")
        else:
            assert expect(reply, status)["status"] == "failure"


def pulls(client: Client, people: Class) -> None:
    cursor = people.history()[-1]["timestamp"]
    text = f"woke {client.name}"
    teller = threading.Timer(_PULLED_AFTER, people.say, [text])
    teller.start()
    began = time.monotonic()
    pulled = expect(
        client.ask("POST", "/chat/pull?timeout=30", people.me, json.dumps({"public": cursor}).encode()), 200
    )
    teller.join()
    assert [each["content"] for each in pulled["public"]] == [text], pulled
    assert time.monotonic() - began < 20, "late"
    body = json.dumps({"public": pulled["public"][-1]["timestamp"]}).encode()
    assert expect(client.ask("POST", "/chat/pull?timeout=1", people.me, body), 200)["public"] == []


def carries_pictures(client: Client, people: Class) -> None:
    size = 60_000 if client.name == "wget" else 1_200_000  # wget takes the body as an argument, of at most 128 KiB
    sent = message(base64.b64encode(noise(size)).decode(), "img")
    expect(client.ask("POST", "/chat/send", people.me, sent), 200)
    shown = expect(client.ask("GET", "/chat/history?roomname=public&limit=1", people.me), 200)["messages"]
    assert shown[0]["type"] == "img", shown
    assert base64.b64decode(shown[0]["content"]).startswith(b"\x89PNG")


CASES: dict[str, Callable[[Client, Class], None]] = {
    "log in, send, read": talks,
    "400, 401, 404, 405, 413": meets_errors,
    "a held pull: answered by a message, and empty": pulls,
    "a picture up and down": carries_pictures,
}


def run(server: Server) -> Iterator[Outcome]:
    """Each client with each case; then node, then Chromium."""
    people = Class(server)
    for kind in CLIENTS:
        program = kind.name.split(",")[0]
        if program in ("curl", "wget") and shutil.which(program) is None:
            yield Outcome(kind.name, "all", skipped=f"no {program} here")
            continue
        with closing(kind(server)) as client:
            for about, case in CASES.items():
                yield tried(client.name, about, partial(case, client, people))
    yield from node(server, people, "clients.mjs")
    yield tried("Chromium", "log in, send, held pull, socket", partial(_chromium, server, people))


def tried(client: str, about: str, case: Callable[[], None]) -> Outcome:
    """Run a case and return its outcome."""
    try:
        case()
    except Exception as error:  # any exception of the client is the result
        return Outcome(client, about, f"{type(error).__name__}: {str(error)[:300]}".replace("\n", " "))
    return Outcome(client, about)


def node(server: Server, people: Class, program: str, *arguments: str) -> Iterator[Outcome]:
    """A program in foreign/, which prints a line of JSON for each case."""
    folder = HERE / "foreign"
    if shutil.which("node") is None or not (folder / "node_modules").is_dir():
        yield Outcome("node", program, skipped="no node, or no npm packages")
        return
    environment = {"PATH": os.environ["PATH"], "NO_PROXY": "*"}
    if isinstance(server.verify, str):
        environment["NODE_EXTRA_CA_CERTS"] = server.verify
    command = ["node", program, server.url, people.me, people.other, *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=3 * LIMIT, check=False
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode:
        yield Outcome("node", program, done.stderr[-300:].replace("\n", " ") or "ended early")
    for line in lines:
        yield Outcome("node", line["about"], line["fault"])


def lint(server: Server) -> Iterator[Outcome]:
    """The OpenAPI documents by Redocly's recommended rules: no error, and no warning."""
    program = HERE / "foreign/node_modules/.bin/redocly"
    for name in ("polling", "roomapi", "realtime", "ims"):
        about = f"/openapi/{name}.json by the recommended rules"
        if not program.exists():
            yield Outcome("Redocly", about, skipped="no npm packages")
            continue
        with tempfile.TemporaryDirectory() as folder:
            document = Path(folder) / "openapi.json"
            reply = requests.get(f"{server.url}/openapi/{name}.json", verify=server.verify, timeout=30)
            document.write_bytes(reply.content)
            command = [str(program), "lint", "--format=json", "--extends=recommended", str(document)]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False)
        totals = json.loads(done.stdout)["totals"] if done.stdout.startswith("{") else done.stderr[-200:]
        yield Outcome("Redocly", about, "" if totals == {"errors": 0, "warnings": 0, "ignored": 0} else str(totals))


_IN_PAGE = """async () => {
  const post = (path, body) => fetch(path, {method: "POST", body: JSON.stringify(body)}).then((got) => got.json());
  await post("/user/login", {username: "foreign", password: "secret1"});
  const {messages} = await fetch("/chat/history?roomname=public&limit=1").then((got) => got.json());
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/api/message/ws");
  const closed = new Promise((resolve) => { socket.onclose = resolve; });
  const greeting = await new Promise((resolve, reject) => { socket.onmessage = resolve; socket.onerror = reject; });
  const held = post("/chat/pull?timeout=30", {public: messages[0].timestamp});
  setTimeout(() => post("/chat/send", {roomname: "public", new_message: {type: "text", content: "by Chromium"}}), 200);
  const pulled = await held;
  socket.close(1000);
  return [JSON.parse(greeting.data).code, pulled.public.map((message) => message.content), (await closed).code];
}"""


def in_chromium(server: Server, script: str, argument: Any = None) -> Any:
    """Return the result of a script in a page of the server, whose Content-Security-Policy permits requests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=BROWSER_FLAGS)
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.goto(server.url)
        seen = page.evaluate(script, argument)
        browser.close()
    return seen


def _chromium(server: Server, people: Class) -> None:
    seen = in_chromium(server, _IN_PAGE)
    assert seen == [0, ["by Chromium"], 1000], seen
    assert people.count("by Chromium") == 1
