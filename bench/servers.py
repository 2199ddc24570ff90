"""The servers under test, each on a core of its own, and what /proc says about them."""
# ruff: noqa: S603

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import clients, disk
from bench.cpu import Family, descendants

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CORES = sorted(os.sched_getaffinity(0))  # those that this machine, or container, lets us use
SERVER_CORE, GENERATOR_CORE = CORES[0], CORES[-1]
_TICKS = os.sysconf("SC_CLK_TCK")  # a second
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def end_with_parent() -> None:
    """In a child: end with the bench, should that be killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _placed() -> None:
    """In the child: run on the server's core."""
    os.sched_setaffinity(0, {SERVER_CORE})
    end_with_parent()


class Server:
    """A gunicorn in a temporary folder, with rooms and members in its database, pinned to the server's core."""

    name = ""
    member: type[clients.Member]
    health = "/"

    def __init__(self, rooms: int, members: int) -> None:
        self.port = free_port()
        self._home = Path(tempfile.mkdtemp(prefix="bench-", dir=disk.folder()))
        self._log = self._home / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._family = Family(lambda: self._process.pid if self._process else None)
        try:
            self.tokens: dict[str, list[str]] = self.fill(rooms, members)
            self._start()
        except BaseException:
            self.stop()
            raise

    def fill(self, rooms: int, members: int) -> dict[str, list[str]]:
        """Make the database: tokens by room."""
        raise NotImplementedError

    def command(self) -> list[str | Path]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        raise NotImplementedError

    @property
    def cwd(self) -> Path:
        return ROOT

    def run(self, *command: str | Path) -> str:
        """Run it in the server's environment; its output."""
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment(), stdout=subprocess.PIPE, stderr=self._log.open("ab"), check=False
        )
        if done.returncode:
            raise RuntimeError(f"{command} failed:\n{self.log_end()}")
        return done.stdout.decode()

    def log_end(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.cwd,
                env=self.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_placed,
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not start:\n{self.log_end()}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as sock:
                sock.sendall(f"GET {self.health} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                return sock.recv(100).startswith(b"HTTP/1.1")
        except OSError:
            return False

    def stop(self) -> None:
        """End it and remove its folder."""
        self.end()
        shutil.rmtree(self._home, ignore_errors=True)

    def end(self) -> None:
        """End its processes."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def pids(self) -> list[int]:
        """Master and workers."""
        return descendants(self._process.pid)

    def cpu_parts(self) -> dict[str, float]:
        """User and system time so far, by program: seconds."""
        return {"server": self._family.seconds()}

    def cpu_seconds(self) -> float:
        """User and system time of all processes so far."""
        return sum(self.cpu_parts().values())

    def rss_bytes(self) -> int:
        """Resident memory of all its processes."""
        return _PAGE_BYTES * sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids())

    def sockets(self) -> int:
        """Open sockets of all its processes."""
        count = 0
        for pid in self.pids():
            for descriptor in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    count += os.readlink(descriptor.path).startswith("socket:")
        return count


class Commonroom(Server):
    name = "Commonroom"
    member = clients.Polling
    health = "/healthz"

    def fill(self, rooms: int, members: int) -> dict[str, list[str]]:
        self.run(BIN / "flask", "--app", "wsgi", "db", "upgrade")
        return json.loads(self.run(sys.executable, "-m", "bench.accounts", str(rooms), str(members)))

    def command(self) -> list[str | Path]:
        return [BIN / "gunicorn"]

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "CHAT_INSTANCE_PATH": str(self._home),
            "CHAT_HOST": "127.0.0.1",
            "PORT": str(self.port),
            "TCP_PORT": "0",
            "WEB_CONCURRENCY": "1",
            "CHAT_RATE_LIMITS": "off",
            "CHAT_CONNECTIONS_PER_ADDRESS": "0",
            "CHAT_SQLITE_SYNCHRONOUS": "NORMAL",
        }


class FullSync(Commonroom):
    name = "Commonroom, FULL"

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "CHAT_SQLITE_SYNCHRONOUS": "FULL"}


class Classroom(Commonroom):
    """Nothing in it yet, with a tcp port and the limits that a teacher has."""

    def __init__(self) -> None:
        self.tcp_port = free_port()
        super().__init__(0, 0)

    def fill(self, rooms: int, members: int) -> dict[str, list[str]]:  # noqa: ARG002
        self.run(BIN / "flask", "--app", "wsgi", "db", "upgrade")
        return {}

    def environment(self) -> dict[str, str]:
        found = {**super().environment(), "TCP_PORT": str(self.tcp_port)}
        del found["CHAT_RATE_LIMITS"]
        return found


class Baseline(Server):
    app = ""
    options: tuple[str, ...] = ()

    def fill(self, rooms: int, members: int) -> dict[str, list[str]]:
        database = self.environment()["BENCH_DATABASE"]
        return json.loads(self.run(sys.executable, "-m", "bench.baselines.store", database, str(rooms), str(members)))

    def command(self) -> list[str | Path]:
        common = ("--workers=1", "--keep-alive=75", "--worker-connections=10000", "--backlog=4096", "--timeout=120")
        options = (*common, "--log-level=warning", "--no-control-socket", f"--bind=127.0.0.1:{self.port}")
        return [BIN / "gunicorn", *options, *self.options, self.app]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT), "BENCH_DATABASE": str(self._home / "chat.db")}

    @property
    def cwd(self) -> Path:
        return self._home  # where gunicorn does not find Commonroom's gunicorn.conf.py


class Naive(Baseline):
    name = "naive poller"
    member = clients.Naive
    app = "bench.baselines.naive:app"
    options = ("--worker-class=gthread", "--threads=32")


class SocketIo(Baseline):
    name = "Flask-SocketIO"
    member = clients.SocketIo
    app = "bench.baselines.socketio_app:app"
    options = ("--worker-class=gevent",)


class Bare(Baseline):
    name = "gunicorn, doing nothing"
    app = "bench.baselines.bare:app"
    options = ("--worker-class=gthread", "--threads=16")


ALL = (Commonroom, SocketIo, Naive)


def core_seconds() -> float:
    """What all programs together, and the kernel, have taken of the server's core so far."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{SERVER_CORE} "):
            user, nice, system, _idle, _iowait, *others = map(int, line.split()[1:9])
            return (user + nice + system + sum(others)) / _TICKS
    return 0.0
