"""PostgreSQL, Redis and nginx for one run of the bench, from the system's programs, on the core of the servers.

Each ends with the process that started it, SIGKILL included. Root starts PostgreSQL and Redis as nobody.
"""
# ruff: noqa: S603

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import redis

from bench import disk
from bench.cpu import Family
from bench.servers import ROOT, free_port
from tests.postgresql import as_nobody, initialise, program, programs

START_SECONDS = 30.0
# As SQLite's synchronous=NORMAL, which the bench uses: an answered send may be lost with the machine's power.
_POSTGRESQL = {"synchronous_commit": "off", "listen_addresses": "", "max_connections": "100"}
_NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


def missing() -> list[str]:
    """The programs that are not installed."""
    found = {"postgresql": programs(), "redis-server": shutil.which("redis-server"), "nginx": _NGINX}
    return [name for name, path in found.items() if path is None]


class Private:
    """One program in a folder of its own."""

    def __init__(self, core: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=disk.folder()))
        self._core = core
        self._process: subprocess.Popen[bytes] | None = None
        self.family = Family(lambda: self._process.pid if self._process else None)

    def _start(self, command: list[str | Path], answers: Callable[[], bool]) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, preexec_fn=lambda: os.sched_setaffinity(0, {self._core})
            )
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[-1]} does not start:\n{(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgreSql(Private):
    def __init__(self, core: int) -> None:
        super().__init__(core)
        data = self.folder / "data"
        initialise(data)
        options = [part for name, value in _POSTGRESQL.items() for part in ("-c", f"{name}={value}")]
        line = [*as_nobody("INT"), program("postgres"), "-D", data, "-k", self.folder, *options]
        self._start(line, self._answers)

    def create(self, name: str) -> str:
        """Make an empty database; its URL."""
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True)

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True


class Redis(Private):
    def __init__(self, core: int) -> None:
        super().__init__(core)
        path = f"{self.folder}/socket"
        self.url = f"unix://{path}"
        options = ["--port", "0", "--unixsocket", path, "--unixsocketperm", "777", "--save", "", "--appendonly", "no"]
        if os.getuid() == 0:
            shutil.chown(self.folder, "nobody")
        self._start([*as_nobody("KILL"), "redis-server", *options, "--dir", self.folder], self._answers)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


class Nginx(Private):
    """deploy/nginx.conf in front of one server: one worker process, plain http."""

    def __init__(self, core: int, behind: int) -> None:
        super().__init__(core)
        self.port = free_port()
        text = (ROOT / "deploy/nginx.conf").read_text()
        text = re.sub(r"^    (listen (443|3000)|ssl_certificate).*$", "", text, flags=re.MULTILINE)
        for old, new in {
            "    listen 80;": f"    listen 127.0.0.1:{self.port} backlog=4096;",
            "127.0.0.1:8000": f"127.0.0.1:{behind}",
            "/var/log/nginx/commonroom.log": f"{self.folder}/access.log",
        }.items():
            if old not in text:
                raise RuntimeError(f"deploy/nginx.conf has no {old}")
            text = text.replace(old, new)
        kinds = ("proxy", "client_body", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        user = "user root;" if os.getuid() == 0 else ""
        main = f"{user} daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log; worker_processes 1;"
        events = "worker_rlimit_nofile 16384; events { worker_connections 8192; }"
        (self.folder / "nginx.conf").write_text(f"{main} {events} http {{ {temporary}\n{text} }}\n")
        run: list[str | Path] = ["setpriv", "--pdeathsig", "TERM", str(_NGINX), "-e", self.folder / "error.log", "-c"]
        self._start([*run, self.folder / "nginx.conf"], self._answers)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
        except OSError:
            return False
        return True
