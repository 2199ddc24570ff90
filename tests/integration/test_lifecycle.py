"""Starting and stopping, as gunicorn's users and people at a keyboard do it."""

import contextlib
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.processes import sockets_of
from tests.raw import answer, open_pull, token_of, wait_until_read
from tests.real_server import BIN, ROOT, Server, free_port, wait_until

StartServer = Callable[..., Server]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "Ctrl-C"])
def test_stopping_answers_held_pulls_at_once(server: StartServer, how: str) -> None:
    live = server(workers=2)
    token = token_of(live, "alice")
    pulls = [open_pull(live, token, {"public": ""}) for _ in range(10)]
    wait_until_read(live)
    time.sleep(0.1)
    assert not select.select(pulls, [], [], 0)[0]
    began = time.monotonic()
    if how == "Ctrl-C":  # a terminal tells every process of the group
        os.killpg(live.pid, signal.SIGINT)
    else:
        live.signal(signal.Signals[how])
    for connection in pulls:
        status, body = answer(connection)
        assert (status, body["status"], body["public"]) == (200, "success", [])
        connection.close()
    assert time.monotonic() - began < 5
    assert live.wait() == 0
    log = live.log.read_text()
    assert "Traceback" not in log, log


def test_read_marks_are_written_when_stopping(server: StartServer) -> None:
    live = server()
    alice, bob = token_of(live, "alice"), token_of(live, "bob")

    def call(method: str, path: str, token: str, body: object = None) -> dict[str, Any]:
        reply = requests.request(method, live.url + path, json=body, headers={"Authorization": token}, timeout=30)
        assert reply.status_code == 200
        found: dict[str, Any] = reply.json()
        return found

    call("POST", "/chat/send", alice, {"roomname": "public", "new_message": {"type": "text", "content": "x"}})
    stamp = call("POST", "/chat/pull", bob, {"public": ""})["public"][0]["timestamp"]
    call("POST", "/chat/pull?timeout=0", bob, {"public": stamp})
    live.stop()
    live.start()
    assert call("GET", "/room/find?detail=1", bob)["rooms"][0]["unread"] == 0


def test_clients_that_hang_up_free_their_places_at_once(server: StartServer) -> None:
    live = server()
    token = token_of(live, "alice")
    (worker,) = live.worker_pids()

    def held() -> int:
        return sockets_of(worker) - 1  # the one it listens on

    def are_held() -> None:
        """Wait until threads have taken in all pulls: a request behind them that waits for over 2 s is refused."""
        wait_until(lambda: held() >= 200, "200 pulls are here")
        me = lambda: requests.get(f"{live.url}/user/me", headers={"Authorization": token}, timeout=30)  # noqa: E731
        wait_until(lambda: me().status_code == 200, "they are held", 60)

    dropped = [open_pull(live, token, {"public": ""}) for _ in range(200)]
    are_held()
    assert not select.select(dropped, [], [], 0)[0], "none is answered yet"
    for connection in dropped:
        connection.close()
    wait_until(lambda: held() <= 5, "their sockets are closed here too", 5)
    fresh = [open_pull(live, token, {"public": ""}) for _ in range(200)]
    are_held()
    assert not select.select(fresh, [], [], 0)[0]
    body = {"roomname": "public", "new_message": {"type": "text", "content": "to all 200"}}
    sent = requests.post(f"{live.url}/chat/send", json=body, headers={"Authorization": token}, timeout=30)
    assert sent.status_code == 200
    for connection in fresh:
        status, got = answer(connection)
        assert (status, got["public"][0]["content"]) == (200, "to all 200")
        connection.close()


def test_pulls_keep_no_threads(server: StartServer) -> None:
    live = server(CHAT_THREADS="4")
    token = token_of(live, "alice")
    pulls = [open_pull(live, token, {"public": ""}) for _ in range(300)]
    time.sleep(0.5)
    assert not select.select(pulls[:100], [], [], 0)[0]
    (worker,) = live.worker_pids()
    assert len(list(Path(f"/proc/{worker}/task").iterdir())) < 24  # 4, those of the other lanes, and a few
    body = {"roomname": "public", "new_message": {"type": "text", "content": "to all 300"}}
    auth = {"Authorization": token}

    def is_sent() -> bool:
        """A send that waits a second behind the pulls is refused, on a busy machine."""
        return requests.post(f"{live.url}/chat/send", json=body, headers=auth, timeout=30).status_code == 200

    wait_until(is_sent, "the message is accepted")
    for connection in pulls:
        assert answer(connection)[1]["public"][0]["content"] == "to all 300"
        connection.close()


def test_logs_never_hold_query_strings_nor_forged_lines(server: StartServer) -> None:
    live = server(GUNICORN_CMD_ARGS="--access-logfile - --log-level debug")
    requests.get(f"{live.url}/user/me?token=very-secret", timeout=10)
    requests.get(f"{live.url}/nowhere?token=very-secret", timeout=10)
    wait_until(lambda: "/nowhere" in live.log.read_text(), "the access log is written")
    assert "very-secret" not in live.log.read_text()
    requests.get(f"{live.url}/%0d%0a[2026-01-01] forged%1b[2J%c2%85%e2%80%ae", timeout=10)
    wait_until(lambda: "forged" in live.log.read_text(), "the access log is written")
    [line] = [line for line in live.log.read_text().splitlines() if "forged" in line]
    assert '"GET /\\u000d\\u000a[2026-01-01] forged\\u001b[2J' in line
    assert line.isprintable()


@pytest.mark.sqlite_only  # PostgreSQL without tables stops the start: unit/postgresql
@pytest.mark.parametrize("is_empty", [False, True], ids=["no file", "a file without tables"])
def test_without_migrations_it_says_so_and_recovers(server: StartServer, home: Path, is_empty: bool) -> None:
    (home / "commonroom.db").unlink()
    if is_empty:
        (home / "commonroom.db").touch()
    live = server(wait=False)
    wait_until(lambda: "flask --app wsgi db upgrade" in live.log.read_text(), "the log names the remedy", 20)
    reply = requests.get(f"{live.url}/healthz", timeout=10)
    assert reply.status_code == 503
    live.flask("db", "upgrade")
    wait_until(live.healthy, "it has looked again", 10)


def test_make_run_serves_and_a_second_start_is_quick(tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "CHAT_INSTANCE_PATH": str(tmp_path / "instance"),
        "PORT": str(port),
    }
    command = ["make", "--no-print-directory", "run", f"VENV={BIN.parent}"]
    log = tmp_path / "log"
    for _ in range(2):
        with log.open("w") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        try:
            wait_until(lambda: _answers(port), f"it serves: {log.read_text()}", 90)
            os.killpg(process.pid, signal.SIGINT)
            before = _cpu_of_children()
            process.wait(30)
            second_start = _cpu_of_children() - before
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        assert f"http://localhost:{port}/" in log.read_text()
        assert "Traceback" not in log.read_text()
    # CPU time, as other tests run meanwhile; and beside that of loading the application, which it does twice: on a busy
    # machine everything takes longer.
    before = _cpu_of_children()
    subprocess.run([BIN / "flask", "--app", "wsgi", "chat", "--help"], cwd=ROOT, env=environment, check=True)
    assert second_start < 4 * (_cpu_of_children() - before)


def _cpu_of_children() -> float:
    """Seconds, of those that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def test_ctrl_c_while_it_starts(server: StartServer) -> None:
    live = server(wait=False, fresh=True)
    wait_until(live.worker_pids, "the worker is there")
    wait_until(lambda: maps(live, "/sqlalchemy/"), "and reads its modules")
    os.killpg(live.pid, signal.SIGINT)
    assert live.wait() == 0
    assert "Traceback" not in live.log.read_text(), live.log.read_text()


def maps(server: Server, library: str) -> bool:
    """Whether a worker has loaded it."""
    return any(library in Path(f"/proc/{pid}/maps").read_text() for pid in server.worker_pids())
