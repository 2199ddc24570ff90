"""A database host whose disk is full: clients get 503, the log one line, and nothing that was acknowledged is lost."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from chat.backends.postgresql import store as store_module
from chat.errors import ChatError, ErrorCode
from chat.services import Services
from chat.services.messages import Draft
from tests import postgresql
from tests.conftest import FakeClock, sign_up
from tests.databases import migrate
from tests.real_server import wait_until

LOBBY = 1
# Mounts a small disk in a namespace of its own, which ends with the server.
_START = """
mount -t tmpfs -o size=110m,mode=0700,uid=65534,gid=65534 tmpfs "$1/disk" &&
exec setpriv --pdeathsig INT --reuid=65534 --regid=65534 --clear-groups sh -c '
  "$1/initdb" -N -D "$2/disk/data" -U postgres -E UTF8 --locale=C -A trust >/dev/null &&
  exec "$1/postgres" -D "$2/disk/data" -k "$2" -c listen_addresses= -c fsync=off' sh "$2" "$1"
"""


class SmallDisk:
    """A private server whose data lies on a disk of 110 MiB."""

    def __init__(self) -> None:
        programs = postgresql.programs()
        self.folder = Path(tempfile.mkdtemp(prefix="commonroom-disk-", dir="/dev/shm"))
        (self.folder / "disk").mkdir()
        os.chown(self.folder, 65534, 65534)
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _START, "sh"]
            self._process = subprocess.Popen([*command, self.folder, str(programs)], stdout=log, stderr=log)
        self._filler = Path(f"/proc/{self._process.pid}/root{self.folder}/disk/filler")

    def create(self) -> str:
        """Wait until it answers, and make a database with tables; its URL."""

        def answers() -> bool:
            assert self._process.poll() is None, self.log.read_text()
            with (
                suppress(psycopg.OperationalError),
                psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as made,
            ):
                made.execute("CREATE DATABASE chat")
                return True
            return False

        wait_until(answers, "PostgreSQL answers")
        url = f"postgresql://postgres@/chat?host={self.folder}"
        migrate(url)
        return url

    def fill(self) -> None:
        with self._filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        self._filler.unlink()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    if os.getuid() != 0 or postgresql.programs() is None:
        pytest.skip("a disk is mounted by root, for PostgreSQL's programs")
    probe = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    if subprocess.run(probe, check=False, capture_output=True).returncode:
        pytest.skip("the kernel forbids mount namespaces")
    made = SmallDisk()
    yield made
    made.stop()


def test_a_full_disk_is_one_line_and_loses_nothing(
    disk: SmallDisk,
    make_services: Callable[..., Services],
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services = make_services(clock, database_url=disk.create())
    services.rooms.ensure_lobby()
    alice = sign_up(services, "alice")
    stored: list[str] = []

    def send(times: int = 1) -> None:
        for _ in range(times):
            clock.advance(1)
            text = secrets.token_hex(900)
            services.messages.send(alice, LOBBY, Draft(text))
            stored.append(text)

    send()
    disk.fill()
    monkeypatch.setattr(store_module.log, "handlers", [caplog.handler])  # the migration has configured logging
    with pytest.raises(ChatError) as refused:
        send(200)
    assert refused.value.code is ErrorCode.UNAVAILABLE
    (line,) = {record.getMessage() for record in caplog.records}
    assert "No space left on device" in line
    assert "\n" not in line
    assert [message.content for message in services.messages.history(alice, LOBBY, None, 500)] == stored, "reads go on"
    disk.free()
    send()
    assert [message.content for message in services.messages.history(alice, LOBBY, None, 500)] == stored
