"""A real gunicorn for tests, as `make run` starts it except for cheaper password hashing."""

import contextlib
import http.client
import itertools
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from tests import launch
from tests.databases import database_environment
from tests.launch import BIN as BIN  # for modules that import it from here
from tests.launch import ROOT as ROOT

SERVED = "tests.served:app"
Kind = TypeVar("Kind", bound="Server")


@cache
def _ports() -> Iterator[int]:
    """The ports of this worker of pytest in turn, from any of them on.

    They are below those that the system gives to outgoing connections: these could take one during a restart.
    """
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = range(10_000 + number, 32_000, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    return itertools.islice(itertools.cycle(own), secrets.randbelow(len(own)), None)


def free_port() -> int:
    """A port that nothing has, and that no other server of this run is about to take."""
    for port in _ports():
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the ports have no end")


def wait_until(condition: Callable[[], object], what: str, timeout: float = 30.0, pause: float = 0.01) -> None:
    """Look every pause seconds until it holds. Fails with `what` after timeout seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout} s in vain: {what}"
        time.sleep(pause)


def _listens(port: int) -> bool:
    """Whether anything listens there. A request takes a hundred times as much CPU to find out."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _sleeps(pid: int) -> bool:
    """Whether the process is idle for some ms; a process waiting for a processor is not."""
    for _ in range(5):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            return False
        time.sleep(0.005)
    return True


def lives(pid: int) -> bool:
    """Whether any of its threads lives: the last one to end closes its sockets."""
    try:
        is_main_thread = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        return is_main_thread or len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid: int) -> list[int]:
    """The processes that it has started and not waited for; none where it has ended."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            found += map(int, path.read_text().split())
    return found


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", *make.split(), *names], check=True, capture_output=True, timeout=30)
    return cert, key


@cache  # making one takes as long as a handshake
def trusting(certificates: str | None) -> ssl.SSLContext:
    """A client's TLS, which trusts these certificates; None: the system's."""
    return ssl.create_default_context(cafile=certificates)


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Server:
    """gunicorn with gunicorn.conf.py on an instance folder; start, stop, kill and start again."""

    def __init__(
        self,
        home: Path,
        *,
        workers: int = 1,
        env: dict[str, str] | None = None,
        descriptors: int = 0,
        app: str = SERVED,
        fresh: bool = False,
        code: Path | None = None,
    ) -> None:
        """fresh: by the real command, and not from a process that has loaded the modules already.

        code: a folder with a copy of the project, to be loaded instead of it.
        """
        self.home = home
        self._app = app
        self.port = free_port()
        self.tcp_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.verify: bool | str = True  # for requests: the trusted certificates
        self.log = home / "gunicorn.log"
        self._workers = workers
        self._env = env or {}
        self._descriptors = descriptors
        self._fresh = fresh
        self._code = code
        self.process: subprocess.Popen[bytes] | launch.Forked | None = None

    def start(self, *, wait: bool = True) -> None:
        environment = {
            "PATH": os.environ["PATH"],
            "CHAT_INSTANCE_PATH": str(self.home),
            "CHAT_HOST": "127.0.0.1",
            "PORT": str(self.port),
            "TCP_PORT": str(self.tcp_port),
            "WEB_CONCURRENCY": str(self._workers),
            "CHAT_THREADS": "8",
            "CHAT_WORKER_BUSY_PERCENT": "0",  # clients come to all workers
            **database_environment(self.home),
            **self._env,
        }
        self.log.touch()
        how = (self._app, environment, self.log, self._descriptors)
        self.process = process = launch.fresh(*how) if self._fresh else launch.Forked(*how, code=self._code)
        if wait:
            wait_until(lambda: _listens(self.port) or process.poll() is not None, "the server listens")
            wait_until(self.healthy, f"the server answers\n{self.log.read_text()}", timeout=30)
            wait_until(lambda: len(self.worker_pids()) == self._workers, "all workers run")
        if wait and self._workers > 1:  # one of them answers; the others may still be loading the application
            wait_until(lambda: all(map(_sleeps, self.worker_pids())), "all workers wait for requests", timeout=30)

    def healthy(self) -> bool:
        assert self.process is None or self.process.poll() is None, self.log.read_text()
        try:
            return self.ask("/healthz", timeout=2).status == 200
        except (OSError, http.client.HTTPException):
            return False  # not there yet, or slow to start on a busy machine

    def ask(self, path: str, body: object = None, timeout: float = 30) -> Reply:
        """GET, or POST of JSON, on a connection of its own: it takes a fifth of the CPU of `requests`."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = trusting(None if isinstance(self.verify, bool) else self.verify)
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        with contextlib.closing(connection):
            if body is None:
                connection.request("GET", path)
            else:
                connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def worker_pids(self) -> list[int]:
        return children_of(self.pid)

    def replace_worker(self, number: int) -> None:
        """SIGKILL to one of its workers, and wait until another has its place. Until it is reaped, it is a child."""
        killed = self.worker_pids()[number]
        os.kill(killed, signal.SIGKILL)

        def is_replaced() -> bool:
            pids = self.worker_pids()
            return killed not in pids and len(pids) == self._workers

        wait_until(is_replaced, "gunicorn replaces the worker")

    def flask(self, *command: str) -> None:
        """Run a command of `flask --app wsgi` on its database."""
        code, output = self.told_by(*command)
        assert code == 0, (command, output)

    def told_by(self, *command: str) -> tuple[int, str]:
        """Run a command of `flask --app wsgi` on its database; the exit code and the output."""
        environment = {"PATH": os.environ["PATH"], "CHAT_INSTANCE_PATH": str(self.home)}
        return launch.told(command, {**environment, **database_environment(self.home), **self._env})

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout: float = 15) -> int:
        """The exit code, once it has ended."""
        assert self.process is not None
        return self.process.wait(timeout)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """SIGKILL to every process of it, as a power cut would."""
        if self.process is not None and self.process.poll() is None:
            workers = children_of(self.pid)
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()
            wait_until(lambda: not any(map(lives, workers)), "the workers leave their port")


class Servers(Generic[Kind]):
    """Starts servers, and kills them all in the end."""

    def __init__(self, kind: type[Kind], home: Callable[[], Path]) -> None:
        """home: gives the next server's instance folder, with its database."""
        self._kind = kind
        self._home = home
        self._started: list[Kind] = []

    def start(
        self,
        *,
        workers: int = 1,
        app: str = SERVED,
        wait: bool = True,
        descriptors: int = 0,
        fresh: bool = False,
        code: Path | None = None,
        **env: str,
    ) -> Kind:
        made = self._kind(
            self._home(), workers=workers, env=env, descriptors=descriptors, app=app, fresh=fresh, code=code
        )
        self._started.append(made)
        made.start(wait=wait)
        return made

    def logs(self) -> str:
        """What all have written."""
        return "".join(server.log.read_text() for server in self._started)

    def kill(self) -> None:
        for server in self._started:
            server.kill()
