"""A private PostgreSQL server for a run of the tests, from the system's programs; each test clones a database of it.

It refuses to run as root, so root starts it as nobody. It ends with the process that started it, SIGKILL included.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

FOLDER = "COMMONROOM_TEST_POSTGRESQL"  # environment: the server's folder, with its socket
PROGRAMS = "COMMONROOM_POSTGRES_BIN"  # environment: the folder of the programs, for another version than the system's
POOLER = "COMMONROOM_TEST_POOLER"  # environment: session or transaction; servers reach the database by pgbouncer
TEMPLATE = "commonroom_template"
_USER = "postgres"
_PREFIX = "commonroom-pg-"
# Only speed counts: nothing outlives the run.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "400",
    "shared_buffers": "64MB",
    "listen_addresses": "",
}
# As docs/postgresql.md says. Idle connections go soon: each test's database has some.
_POOLER_INI = """
[databases]
* = host={folder} port=5432 user={user}
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = any
pool_mode = {mode}
ignore_startup_parameters = options
max_client_conn = 1000
default_pool_size = 40
server_idle_timeout = 3
server_lifetime = 0
"""


@cache
def programs() -> Path | None:
    """The folder of initdb and postgres: the given one, or the newest version's; None: not installed."""
    if given := os.environ.get(PROGRAMS):
        return Path(given).resolve()
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


class PrivateServer:
    """Started when the first test asks for it, once for all workers of pytest, by the process that made this.

    start and stop belong to that process; any may call ask_for, given the environment.
    """

    def __init__(self) -> None:
        base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
        _sweep(base)
        self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        os.environ[FOLDER] = str(self.folder)
        os.mkfifo(self.folder / "wanted")
        self._process: subprocess.Popen[bytes] | None = None
        self._pooler: subprocess.Popen[bytes] | None = None
        # The server gets its signal when the thread that started it ends, so this one stays to the end.
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._start_when_wanted, name="postgresql", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, if it was started, and remove what it kept."""
        self._end.set()
        with contextlib.suppress(OSError):  # nobody reads: it was started
            os.close(os.open(self.folder / "wanted", os.O_WRONLY | os.O_NONBLOCK))
        self._thread.join()
        if self._pooler is not None:
            self._pooler.kill()
            self._pooler.wait(30)
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)  # immediate: nothing is worth keeping
            self._process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start_when_wanted(self) -> None:
        (self.folder / "wanted").read_text()
        if not self._end.is_set():
            try:
                self._start()
            except BaseException as error:
                (self.folder / "failed").write_text(f"PostgreSQL did not start: {error}")
                raise
        self._end.wait()

    def _start(self) -> None:
        data = self.folder / "data"
        initialise(data)
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("wb") as log:
            line = [*as_nobody("INT"), program("postgres"), "-D", data, "-k", self.folder, *options]
            self._process = subprocess.Popen(line, stdout=log, stderr=log, cwd=self.folder)
            if mode := os.environ.get(POOLER):
                self._pooler = start_pooler(self.folder, mode, log)


def pooler_program() -> str | None:
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


def start_pooler(folder: Path, mode: str, log: Any) -> "subprocess.Popen[bytes]":
    """pgbouncer in front of the server in this folder, which has its socket too; it ends with this thread."""
    pooler = pooler_program()
    assert pooler, "pgbouncer is not here: install it (Debian: apt install pgbouncer)"
    settings = folder / f"pooler-{os.getpid()}.ini"
    settings.write_text(_POOLER_INI.format(folder=folder, mode=mode, user=_USER))
    return subprocess.Popen([*as_nobody("KILL"), pooler, settings], stdout=log, stderr=log, cwd=folder)


def program(name: str) -> Path:
    """One of PostgreSQL's programs."""
    found = programs()
    assert found is not None
    return found / name


def as_nobody(end_signal: str) -> list[str | Path]:
    """The beginning of a command that gets this signal when this thread ends; as `nobody` if root runs the tests."""
    line: list[str | Path] = ["setpriv", "--pdeathsig", end_signal]
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        line += [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    return line


def initialise(data: Path, user: str = _USER) -> None:
    """Make a cluster that trusts everybody, in a folder that belongs to `nobody` if root runs the tests."""
    if os.getuid() == 0:
        shutil.chown(data.parent, "nobody")
    made: list[str | Path] = [
        program("initdb"),
        "-N",
        "-D",
        data,
        "-U",
        user,
        "-E",
        "UTF8",
        "--locale=C",
        "-A",
        "trust",
    ]
    subprocess.run([*as_nobody("KILL"), *made], check=True, capture_output=True, cwd=data.parent, timeout=60)


def _sweep(base: Path) -> None:
    """Remove what runs left behind that were killed; their servers have ended by themselves."""
    for left in base.glob(f"{_PREFIX}*"):
        if not (left / "data" / "postmaster.pid").exists() and time.time() - left.stat().st_mtime > 600:
            shutil.rmtree(left, ignore_errors=True)


def ask_for(migrate: Callable[[str], None]) -> None:
    """Wait until the server takes connections, with a database to clone. Called in any process of the run.

    migrate makes the tables in the database of a URL, and leaves no connection behind.
    """
    folder = Path(os.environ[FOLDER])
    with (folder / "asking").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / "template").exists():
            return
        (folder / "wanted").write_text("start")
        deadline = time.monotonic() + 60
        while not _answers():
            assert not (folder / "failed").exists(), (folder / "failed").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.01)
        with psycopg.connect(**admin()) as connection:
            create(connection, TEMPLATE)
        migrate(url(TEMPLATE))
        (folder / "template").touch()


def _answers() -> bool:
    try:
        psycopg.connect(**admin()).close()
    except psycopg.OperationalError:
        return False
    return True


def admin() -> dict[str, Any]:
    """Parameters of a connection that makes and drops databases."""
    return {"host": os.environ[FOLDER], "user": _USER, "dbname": "postgres", "autocommit": True}


def url(name: str) -> str:
    """The URL of one of the server's databases."""
    port = "&port=6432" if os.environ.get(POOLER) and name != TEMPLATE else ""
    return f"postgresql://{_USER}@/{name}?host={os.environ[FOLDER]}{port}"


def create(connection: psycopg.Connection, name: str, template: str = "template0") -> None:
    """Make a database by copying the template's files, in about 10 ms. connection: as admin."""
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    connection.execute(made.format(sql.Identifier(name), sql.Identifier(template)))


def drop(connection: psycopg.Connection, name: str) -> None:
    """Remove a database, despite connections to it. connection: as admin."""
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
