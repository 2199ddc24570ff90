"""Clients that reuse a kept connection at about the time when the server closes it, on a server that does so after
KEEPALIVE.

An answered message must be stored once, an unanswered one at most once.
"""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

from conformance.clients import LIMIT, Aiohttp, Client, HttpClient, Outcome, Requests
from conformance.foreign_cases import Class, expect, in_chromium, message, node, tried
from tests.real_server import Server

KEEPALIVE = 1  # seconds
AFTER = "used again after the server closed"
AMID = "used again at that very moment"
_TIMES = [KEEPALIVE - 0.02 + number * 0.004 for number in range(12)]  # seconds, around the moment


def run(server: Server) -> Iterator[Outcome]:
    """All clients that keep connections."""
    people = Class(server)
    for kind in (HttpClient, Requests, Aiohttp):
        with closing(kind(server)) as client:
            yield tried(client.name, AFTER, partial(_after_idle, client, people))
        yield tried(kind.name, AMID, partial(_amid_close, kind, people))
    if shutil.which("curl") is None:
        yield Outcome("curl", AFTER, skipped="no curl here")
    else:
        yield tried("curl", AFTER, partial(_curl, people, AFTER, [KEEPALIVE + 0.5]))
        yield tried("curl", AMID, partial(_curl, people, AMID, _TIMES))
    yield from node(server, people, "idle.mjs", str(KEEPALIVE))
    yield tried("Chromium", AFTER, partial(_chromium, people, AFTER, [KEEPALIVE + 0.5]))
    yield tried("Chromium", AMID, partial(_chromium, people, AMID, _TIMES))


def _after_idle(client: Client, people: Class) -> None:
    expect(client.ask("GET", "/user/me", people.me), 200)
    time.sleep(KEEPALIVE + 0.5)
    text = f"after a while, by {client.name}"
    answered = _sent(client, people, text) or _sent(client, people, text)  # http.client leaves it to its caller
    assert answered
    assert people.count(text) == 1


def _amid_close(kind: type[Client], people: Class) -> None:
    faults: list[str] = []

    def one(number: int, pause: float) -> None:
        with closing(kind(people.server)) as client:
            expect(client.ask("GET", "/user/me", people.me), 200)
            time.sleep(pause)
            text = f"amid {number}, by {kind.name}"
            faults.extend(_fault(people, text, is_answered=_sent(client, people, text)))

    _at_once(one)
    assert not faults, faults


def _at_once(one: Callable[[int, float], None]) -> None:
    threads = [threading.Thread(target=one, args=each) for each in enumerate(_TIMES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _fault(people: Class, text: str, *, is_answered: bool) -> list[str]:
    stored = people.count(text)
    return [] if stored == 1 or (stored == 0 and not is_answered) else [f"{text}: stored {stored} times"]


def _sent(client: Client, people: Class, text: str) -> bool:
    """Whether it was answered."""
    try:
        expect(client.ask("POST", "/chat/send", people.me, message(text)), 200)
    except AssertionError:
        raise
    except Exception:  # each client has exceptions of its own for a connection that has ended
        return False
    return True


def _curl(people: Class, about: str, pauses: list[float]) -> None:
    """One curl for each pause, which asks twice: it takes the connection again, or a new one, by itself."""
    server = people.server
    common = ["-sS", "-o", "/dev/null", "-w", "%{http_code} ", "-H", f"Authorization: {people.me}"]
    common += ["--cacert", str(server.verify)] if server.url.startswith("https") else []
    running = []
    for number, pause in enumerate(pauses):
        sent = message(f"{about} {number}, by curl").decode()
        command = ["curl", "--rate", f"{round(3600 / pause)}/h", *common, f"{server.url}/user/me", "--next", *common]
        running.append(
            subprocess.Popen([*command, "--data-binary", sent, f"{server.url}/chat/send"], stdout=subprocess.PIPE)
        )
    faults = []
    for number, process in enumerate(running):
        told = process.communicate(timeout=LIMIT)[0].split()
        assert told[:1] == [b"200"], told
        faults += _fault(people, f"{about} {number}, by curl", is_answered=told[1:] == [b"200"])
        if about == AFTER:
            assert told[1:] == [b"200"], told
    assert not faults, faults


_IN_PAGE = """async ([about, pauses]) => {
  const post = (path, body) => fetch(path, {method: "POST", body: JSON.stringify(body)});
  await post("/user/login", {username: "foreign", password: "secret1"});
  return Promise.all(pauses.map(async (pause, number) => {
    await fetch("/user/me");
    await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
    const content = `${about} ${number}, by Chromium`;
    const send = () => post("/chat/send", {roomname: "public", new_message: {type: "text", content}});
    return send().then((got) => got.ok, () => false);
  }));
}"""


def _chromium(people: Class, about: str, pauses: list[float]) -> None:
    answered = in_chromium(people.server, _IN_PAGE, [about, pauses])
    assert about == AMID or answered == [True], answered
    faults = [
        fault
        for number, is_answered in enumerate(answered)
        for fault in _fault(people, f"{about} {number}, by Chromium", is_answered=is_answered)
    ]
    assert not faults, faults
