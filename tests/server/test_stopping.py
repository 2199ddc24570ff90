"""Stopping, reloading and upgrading a running server, with little effect on clients."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.raw import Talk, answer, get, open_pull, pull, token_of, wait_until_read
from tests.real_server import Server, children_of, wait_until

StartServer = Callable[..., Server]
MESSAGE = {"roomname": "public", "new_message": {"type": "text", "content": "meanwhile"}}


class Poller:
    """Asks /user/me again and again, on a connection that it keeps and on fresh ones."""

    def __init__(self, server: Server, token: str) -> None:
        self.server = server
        self.request = get("/user/me", f"Authorization: {token}")
        self.answered = 0
        self.retried = 0
        self.failures: list[object] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._poll, args=(keep,)) for keep in (True, False)]

    def __enter__(self) -> "Poller":
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self.answered > 4, "it is served before")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _poll(self, keep: bool) -> None:
        talk: Talk | None = None
        last = False
        while not self._stop.wait(0.005):
            for attempt in range(3):
                try:
                    if talk is None:
                        talk = Talk(self.server)
                    answered = talk.ask(self.request)
                except (AssertionError, ConnectionResetError, BrokenPipeError) as error:
                    # Closed while nothing was on its way to us: any client may ask again.
                    if attempt == 2 or talk is None or talk.buffer:
                        self.failures.append(error)
                    self.retried += 1
                    if talk is not None:
                        talk.socket.close()
                    talk = None
                    continue
                except OSError as error:
                    self.failures.append(error)
                    break
                if answered.status != 200:
                    self.failures.append(answered.status)
                self.answered += 1
                last = not keep or answered.headers["connection"].lower() == "close"
                break
            if talk is not None and last:
                talk.socket.close()
                talk = None
        if talk is not None:
            talk.socket.close()


@contextlib.contextmanager
def held(server: Server, token: str, count: int = 10) -> Iterator[list[Talk]]:
    with contextlib.ExitStack() as stack:
        pulls = [stack.enter_context(open_pull(server, token, {"public": ""})) for _ in range(count)]
        wait_until_read(server)
        yield pulls


def all_answered(pulls: list[Talk]) -> None:
    for connection in pulls:
        status, body = answer(connection)
        assert (status, body["status"], body["public"]) == (200, "success", [])


@pytest.mark.parametrize("workers", [1, 2])
def test_sighup_changes_workers_under_way(server: StartServer, workers: int) -> None:
    # The poller is served without a gap, and asks more often than one person may.
    began = time.monotonic()
    live = server(workers=workers, fresh=workers == 1, CHAT_RATE_LIMITS="off")
    start = time.monotonic() - began
    token = token_of(live, "alice")
    old = set(live.worker_pids())
    with held(live, token) as pulls, Poller(live, token) as poller:
        began = time.monotonic()
        live.signal(signal.SIGHUP)
        all_answered(pulls)
        # A reload loads the code twice, the first time as a trial, beside the poller and all else on the machine.
        assert time.monotonic() - began < max(8, 4 * start)
        wait_until(
            lambda: len(live.worker_pids()) == workers and not old & set(live.worker_pids()),
            "there are new workers, and only these",
            20,
        )
        served = poller.answered
        wait_until(lambda: poller.answered > served + 20, "the new ones serve")
    assert not poller.failures, poller.failures
    assert poller.retried < 10
    assert live.stop() == 0
    assert "Traceback" not in live.log.read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_while_new_workers_load_the_old_ones_serve(server: StartServer, home: Path, workers: int) -> None:
    live = server(app="tests.slow_start:app", workers=workers)
    token = token_of(live, "alice")
    old = set(live.worker_pids())
    (home / "slow-start").touch()
    live.signal(signal.SIGHUP)
    wait_until(lambda: len([*home.glob("starting-*")]) == workers, "new workers load")
    with held(live, token) as pulls:
        reply = requests.post(f"{live.url}/chat/send", json=MESSAGE, headers={"Authorization": token}, timeout=5)
        assert reply.status_code == 200
        for connection in pulls:
            assert answer(connection)[1]["public"][0]["content"] == "meanwhile"
    with Talk(live) as talk:
        assert talk.ask(get("/user/me", f"Authorization: {token}")).status == 200
    (home / "slow-start").unlink()
    wait_until(lambda: len(live.worker_pids()) == workers and not old & set(live.worker_pids()), "the old ones end", 20)
    assert requests.get(f"{live.url}/user/me", headers={"Authorization": token}, timeout=5).status_code == 200
    began = time.monotonic()
    assert live.stop() == 0
    assert time.monotonic() - began < 5, "a stop waits for no new workers"
    assert "Traceback" not in live.log.read_text()


def test_a_second_sigterm_ends_the_wait_for_new_workers(server: StartServer, home: Path) -> None:
    live = server(app="tests.slow_start:app")
    (old,) = live.worker_pids()
    (home / "slow-start").touch()
    live.signal(signal.SIGHUP)
    wait_until(lambda: [*home.glob("starting-*")], "a new worker loads")

    def is_gone() -> bool:
        with contextlib.suppress(ProcessLookupError):
            os.kill(old, signal.SIGTERM)
        return old not in live.worker_pids()

    wait_until(is_gone, "the old one is gone", 4)
    (home / "slow-start").unlink()
    wait_until(live.healthy, "the new one serves")


def test_workers_told_to_stop_while_they_load_stop(server: StartServer, home: Path) -> None:
    """As soon as they have loaded, rather than killed 10 s later."""
    (home / "slow-start").touch()
    live = server(app="tests.slow_start:app", workers=2, wait=False)
    wait_until(lambda: len([*home.glob("starting-*")]) == 2, "workers load")
    began = time.monotonic()
    live.signal(signal.SIGTERM)
    time.sleep(0.3)  # until the workers have been told, too
    (home / "slow-start").unlink()
    assert live.wait(20) == 0
    assert time.monotonic() - began < 6
    assert "Traceback" not in live.log.read_text()


def test_a_pull_can_be_held_again_after_sighup(server: StartServer) -> None:
    live = server()
    token = token_of(live, "alice")
    (old,) = live.worker_pids()
    live.signal(signal.SIGHUP)
    wait_until(lambda: live.worker_pids() and old not in live.worker_pids(), "the worker is another", 20)
    with held(live, token, 1) as pulls:
        body = {"roomname": "public", "new_message": {"type": "text", "content": "after"}}
        requests.post(f"{live.url}/chat/send", json=body, headers={"Authorization": token}, timeout=10)
        assert answer(pulls[0])[1]["public"][0]["content"] == "after"


def test_sigusr2_hands_over_to_a_new_master(server: StartServer) -> None:
    live = server(CHAT_RATE_LIMITS="off")  # on a busy machine the poller asks more often
    token = token_of(live, "alice")
    (worker,) = live.worker_pids()
    group = live.pid
    try:
        with Poller(live, token) as poller:
            live.signal(signal.SIGUSR2)
            wait_until(lambda: any(children_of(child) for child in children_of(live.pid)), "a new master has a worker")
            (master,) = (child for child in children_of(live.pid) if child != worker)
            time.sleep(0.3)
            with held(live, token) as pulls:
                live.signal(signal.SIGTERM)
                assert live.wait() == 0
                # The new worker holds some of them, and keeps them.
                wait_until(lambda: children_of(master), "the new master is there")
                body = {"roomname": "public", "new_message": {"type": "text", "content": "from the new one"}}
                reply = requests.post(f"{live.url}/chat/send", json=body, headers={"Authorization": token}, timeout=10)
                assert reply.status_code == 200
                for connection in pulls:
                    status, got = answer(connection)
                    assert status == 200
                    assert [message["content"] for message in got["public"]] in ([], ["from the new one"])
            served = poller.answered
            wait_until(lambda: poller.answered > served + 20, "the new one serves")
        assert not poller.failures, poller.failures
        assert poller.retried < 10
        os.kill(master, signal.SIGTERM)
        wait_until(lambda: not Path(f"/proc/{master}").exists() or is_zombie(master), "the new one stops", 15)
        assert "Traceback" not in live.log.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_sigterm_while_a_body_is_half_sent(server: StartServer) -> None:
    live = server()
    token = token_of(live, "alice")
    with Talk(live) as slow, Talk(live) as silent, held(live, token) as pulls:
        slow.send(get("/chat/send", f"Authorization: {token}", "Content-Length: 1000", method="POST") + b"{")
        assert silent.ask(get("/healthz")).status == 200
        began = time.monotonic()
        live.signal(signal.SIGTERM)
        all_answered(pulls)
        assert time.monotonic() - began < 3
        assert silent.rest() == b""
        assert time.monotonic() - began < 3
        assert live.wait(20) == 0
        assert time.monotonic() - began < 14
    assert "Traceback" not in live.log.read_text()


def test_a_body_that_is_finished_while_stopping_is_answered(server: StartServer) -> None:
    live = server()
    token = token_of(live, "alice")
    body = b'{"roomname": "public", "new_message": {"type": "text", "content": "just in time"}}'
    with Talk(live) as slow, held(live, token, 1) as pulls:
        head = get("/chat/send", f"Authorization: {token}", f"Content-Length: {len(body)}", method="POST")
        slow.send(head + body[:10])
        wait_until_read(live)
        live.signal(signal.SIGTERM)
        all_answered(pulls)
        result = slow.ask(body[10:])
        assert (result.status, result.headers["connection"].lower()) == (200, "close")
        assert slow.rest() == b""
        assert live.wait() == 0
    live.start()
    got = requests.get(f"{live.url}/chat/pull", headers={"Authorization": token}, timeout=10).json()["public"]
    assert [message["content"] for message in got] == ["just in time"]


def test_stopping_with_idle_connections_is_quick(server: StartServer) -> None:
    live = server()
    token = token_of(live, "alice")
    talks = [Talk(live) for _ in range(50)]
    for talk in talks[:25]:
        assert talk.ask(get("/healthz")).status == 200
    for talk in talks[:10]:
        assert talk.ask(pull(token, {"public": ""}, timeout=0.05)).status == 200
    began = time.monotonic()
    assert live.stop() == 0
    assert time.monotonic() - began < 4
    for talk in talks:
        assert talk.rest() == b""
        talk.socket.close()


def test_a_pull_that_comes_while_stopping_is_not_held(server: StartServer) -> None:
    live = server()
    token = token_of(live, "alice")
    with Talk(live) as slow, Talk(live) as piped:
        # Something that keeps it from ending, and pulls in line behind a held one.
        slow.send(get("/chat/send", "Content-Length: 1000", method="POST") + b"{")
        piped.send(pull(token, {"public": ""}, timeout=40) * 2)
        wait_until_read(live)
        began = time.monotonic()
        live.signal(signal.SIGTERM)
        assert piped.answer().json()["public"] == []
        piped.rest()
        assert time.monotonic() - began < 5
        slow.socket.close()
        assert live.wait() == 0


def test_reload_restarts_the_worker_when_a_file_changes(server: StartServer, copy: Path) -> None:
    live = server(code=copy, GUNICORN_CMD_ARGS="--reload", CHAT_RATE_LIMITS="off")
    token = token_of(live, "alice")
    (old,) = live.worker_pids()
    with held(live, token) as pulls, Poller(live, token) as poller:
        health = copy / "chat" / "web" / "health.py"
        text = health.read_text()
        assert '"status":"ok"' in text
        health.write_text(text.replace('"status":"ok"', '"status":"reloaded"'))
        all_answered(pulls)
        url = f"{live.url}/healthz"
        wait_until(
            lambda: old not in live.worker_pids() and requests.get(url, timeout=10).json()["status"] == "reloaded",
            "the changed file is used",
            20,
        )
    assert not poller.failures, poller.failures
    assert "Traceback" not in live.log.read_text()
