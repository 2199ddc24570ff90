"""A private redis-server for one test, on a Unix socket, from the system's program; it starts in some 15 ms.

Root starts it as nobody. It ends with the process that started it, SIGKILL included.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
import redis

from tests.postgresql import as_nobody
from tests.real_server import wait_until

PROGRAMS = "COMMONROOM_REDIS_BIN"  # environment: the folder of redis-server or valkey-server, instead of the system's
_REASON = "redis-server is not here: install it (Debian: apt install redis-server)"


def program() -> str | None:
    """The server's program; None: not installed."""
    folder = os.environ.get(PROGRAMS)
    return shutil.which("redis-server", path=folder) or (folder and shutil.which("valkey-server", path=folder)) or None


class PrivateRedis:
    """start, kill, pause and start again; stop at the end."""

    def __init__(self, *options: str) -> None:
        self._program = program()
        if self._program is None:
            if os.environ.get("CI"):
                pytest.fail(_REASON)
            pytest.skip(_REASON)
        base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
        self.folder = Path(tempfile.mkdtemp(prefix="commonroom-redis-", dir=base))
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self.folder}/socket"
        self.start()

    def start(self) -> None:
        """Start, empty, and wait until it answers."""
        assert self._program is not None
        if os.getuid() == 0:
            shutil.chown(self.folder, "nobody")
        socket = ["--port", "0", "--unixsocket", f"{self.folder}/socket", "--unixsocketperm", "777"]
        lean = ["--save", "", "--appendonly", "no", "--dir", str(self.folder), "--logfile", f"{self.folder}/log"]
        self._process = subprocess.Popen([*as_nobody("KILL"), self._program, *socket, *lean, *self._options])
        wait_until(self._answers, "redis-server answers")

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.AuthenticationError:
            return True
        except redis.ConnectionError:
            return False

    @property
    def pid(self) -> int:
        """Of its process, which runs."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End it at once, and everything that it knows."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Let it answer nobody, as a host that has frozen."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self) -> "redis.Redis":
        """A client for the test itself."""
        return redis.Redis.from_url(self.url, decode_responses=True)
