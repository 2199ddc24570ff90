"""PostgreSQL servers that a test stops, copies and promotes: unlike the shared one they do not lose commits."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.postgresql import as_nobody, initialise, program
from tests.real_server import free_port, wait_until

DATABASE = "commonroom"


class Cluster:
    """One server on 127.0.0.1. Its settings are given at each start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    def initialise(self) -> None:
        """Make it, empty."""
        initialise(self._data)

    def allow(self, rights: str) -> None:
        """Set who may connect, by lines of pg_hba.conf."""
        (self._data / "pg_hba.conf").write_text(rights)

    def follow(self, primary: "Cluster") -> None:
        """Make it a copy of a running server, which it will follow."""
        if os.getuid() == 0:
            shutil.chown(self._folder, "nobody")
        where = f"host=127.0.0.1 port={primary.port} user=postgres"
        copied: list[str | Path] = [
            program("pg_basebackup"),
            "-d",
            where,
            "-D",
            self._data,
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
        ]
        subprocess.run([*as_nobody("KILL"), *copied], check=True, capture_output=True, cwd=self._folder, timeout=60)

    def start(self, **settings: str) -> None:
        given = {"fsync": "off", "listen_addresses": "127.0.0.1", "port": str(self.port), **settings}
        options = [part for name, value in given.items() for part in ("-c", f"{name}={value}")]
        line = [*as_nobody("INT"), program("postgres"), "-D", self._data, "-k", self._folder, *options]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(line, stdout=log, stderr=log, cwd=self._folder)
        wait_until(self._answers, f"PostgreSQL answers\n{self.log()}")

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT: at once, as in a crash."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(30)

    def query(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def log(self) -> str:
        return (self._folder / "log").read_text()[-2000:]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            self.query("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def clusters(count: int) -> Iterator[list[Cluster]]:
    """So many servers, which are still to be made and started."""
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
    folders = [Path(tempfile.mkdtemp(prefix="commonroom-cluster-", dir=base)) for _ in range(count)]
    made = [Cluster(folder) for folder in folders]
    try:
        yield made
    finally:
        for cluster in made:
            cluster.stop()
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
