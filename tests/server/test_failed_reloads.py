"""Reloads (SIGHUP) and further workers (SIGTTIN) that cannot load: the running workers serve on, and the log tells."""

import os
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chat.server.reload_check import why_not
from tests.contract.tcp_client import Lines
from tests.real_server import Server, free_port, lives, wait_until

StartServer = Callable[..., Server]
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def refused(live: Server, number: signal.Signals = signal.SIGHUP) -> str:
    """Send the signal; the line that the log gets."""
    before = len(live.log.read_text())
    live.signal(number)
    wait_until(lambda: "serve on" in live.log.read_text()[before:], "the log says what is wrong")
    lines = live.log.read_text()[before:].splitlines()
    assert len(lines) == 1, lines
    return lines[0].partition("[ERROR] ")[2]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTTIN])
def test_broken_code_stops_no_worker(server: StartServer, copy: Path, number: signal.Signals) -> None:
    live = server(workers=2, code=copy)
    old = set(live.worker_pids())
    read_by_master = ["gunicorn.conf.py"] if number == signal.SIGHUP else []
    for name in ("chat/web/health.py", "config.py", "serving.py", *read_by_master):
        file = copy / name
        text = file.read_text()
        for wrong, said in (("def (", "SyntaxError: invalid syntax"), ("nowhere", "NameError: name 'nowhere'")):
            file.write_text(f"{text}\n{wrong}\n")
            line = refused(live, number)
            assert said in line
            assert f"({file.name}, line {len(text.splitlines()) + 2})" in line
            assert set(live.worker_pids()) == old
            assert live.healthy()
        file.write_text(text)
    live.signal(number)
    if number == signal.SIGHUP:
        wait_until(lambda: old.isdisjoint(live.worker_pids()), "new workers replace the old ones")
    else:
        wait_until(lambda: len(live.worker_pids()) == 3, "a third worker runs")
    wait_until(live.healthy, "it serves")
    assert live.stop() == 0


def test_code_that_fails_when_it_is_called_stops_no_worker(server: StartServer, copy: Path) -> None:
    """After all modules were loaded: while a worker boots, or the master reloads."""
    live = server(code=copy)
    old = live.worker_pids()
    for name, before in (
        ("serving.py", "services: Services = app"),
        ("serving.py", "return Limits("),
        ("gunicorn.conf.py", "import serving  # imported here"),
        ("gunicorn.conf.py", "worker.follow_reloads("),
        ("gunicorn.conf.py", "server.handover.begin_reload()"),
    ):
        file = copy / name
        text = file.read_text()
        assert before in text
        file.write_text(text.replace(f"    {before}", f"    nowhere()\n    {before}", 1))
        assert f"name 'nowhere' is not defined ({name}, line " in refused(live)
        assert live.worker_pids() == old
        assert live.healthy()
        file.write_text(text)
    live.signal(signal.SIGHUP)
    wait_until(lambda: set(old).isdisjoint(live.worker_pids()), "a new worker replaces the old one")
    wait_until(live.healthy, "it serves")


def test_a_port_that_is_taken_stops_no_worker(server: StartServer, copy: Path) -> None:
    live = server(code=copy)
    old = live.worker_pids()
    file = copy / "gunicorn.conf.py"
    text = file.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file.write_text(f"{text}\nbind.append('127.0.0.1:{port}')\n")
        assert f"PORT={port}: that port is taken" in refused(live)
    assert live.worker_pids() == old
    assert live.healthy()


def test_changed_ports_need_a_restart(server: StartServer, copy: Path) -> None:
    """gunicorn would close all sockets, tcp's too, and end where one that stays cannot be bound again."""
    live = server(code=copy)
    old = live.worker_pids()
    file = copy / "gunicorn.conf.py"
    text = file.read_text()
    for change in (
        "bind.append('127.0.0.1:{free}')",
        "bind = ['127.0.0.1:{free}']",
        "os.environ['TCP_PORT'] = '{free}'",
        "os.environ['TCP_PORT'] = '0'",
        "os.environ['PORT'] = '{free}'; bind = ['127.0.0.1:{free}']",
    ):
        file.write_text(f"{text}\n{change.format(free=free_port())}\n")
        assert "have changed: restart the server for it" in refused(live), change
        assert live.worker_pids() == old
        assert live.healthy()
        with Lines(live.tcp_port) as client:
            assert client.ask("heartbeat")["message_type"] == "heartbeat"


def test_no_workers_are_refused(server: StartServer, copy: Path) -> None:
    file = copy / "gunicorn.conf.py"
    text = file.read_text()
    for number in ("0", "-1", "257", "'many'"):
        file.write_text(f"{text}\nworkers = {number}\n")
        live = server(code=copy, wait=False)
        assert live.wait(30) == 1
        said = live.log.read_text()
        assert "workers" in said
    file.write_text(text)
    live = server(code=copy)
    old = live.worker_pids()
    for number in ("0", "-1", "257", "'many'"):
        file.write_text(f"{text}\nworkers = {number}\n")
        assert "workers" in refused(live)
        assert live.worker_pids() == old
        assert live.healthy()


@pytest.mark.sqlite_only  # whose file it is
def test_a_database_or_setting_that_is_wrong_now_stops_no_worker(server: StartServer, copy: Path, home: Path) -> None:
    live = server(code=copy)
    old = live.worker_pids()
    with closing(sqlite3.connect(home / "commonroom.db")) as database:
        (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        for wrong, said in (("0001", "its schema is 0001; run: flask"), ("f00d", "created by a newer version")):
            database.execute("UPDATE alembic_version SET version_num = ?", (wrong,))
            database.commit()
            assert said in refused(live)
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        database.commit()
    key = home / "secret_key"
    secret = key.read_text()
    key.write_text("short")
    assert "that is no key; remove the file" in refused(live)
    key.write_text(secret)
    assert live.worker_pids() == old
    assert live.healthy()


def test_the_reason_is_one_line() -> None:
    def ended() -> None:
        sys.stderr.write("seen by nobody\n")
        sys.exit("too\nearly")

    def ended_at_an_error() -> None:
        try:
            raise ValueError("no\nnumber")
        except ValueError as error:
            sys.exit(f"printed already: {error}")

    assert why_not(lambda: None) == ""
    assert why_not(ended) == "Loading ended: too early"
    assert why_not(ended_at_an_error).startswith("ValueError: no number (test_failed_reloads.py, line ")
    assert why_not(lambda: os.kill(os.getpid(), signal.SIGKILL)) == "Loading ended with status 9."


def test_a_stop_ends_loading_at_once() -> None:
    heard: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: heard.append(number)) for number in STOPS}
    try:
        for number in STOPS:
            threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
            assert why_not(lambda: time.sleep(600), 20) == "Loading ended with status 9."
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert heard == list(STOPS)


def test_loading_that_does_not_end_is_ended(tmp_path: Path) -> None:
    def endless() -> None:
        (tmp_path / str(os.getpid())).touch()
        time.sleep(600)

    assert why_not(endless, 1) == "Loading takes over 1 s."
    (child,) = tmp_path.iterdir()
    assert not lives(int(child.name))
