"""Hosts played by network namespaces: two run the server, one PostgreSQL and Redis, nginx in front, by deploy/.

Needs root, iproute2, nginx, and the programs of PostgreSQL and Redis. Everything has names and a range of its own and
is removed.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests import postgresql, redis
from tests.real_server import BIN, ROOT, children_of, wait_until

BRIDGE = "crbr0"
NET = "10.231.0"
HOSTS = {"front": 2, "app1": 11, "app2": 12, "db": 21}
SEVERAL = ROOT / "deploy" / "several-hosts"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
# Runs a command in a network of its own, which ends with it.
ISOLATED = (
    "unshare",
    "--net",
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    'ip link set lo up && exec "$@"',
    "sh",
)
SECRET = "hosts-only-0123456789-abcdefghijklmnopqrstuvwxyz"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


def why_not() -> str:
    """The reason that hosts cannot be played here; "" if they can."""
    if os.getuid() != 0:
        return "network namespaces need root"
    if None in (NGINX, postgresql.programs(), redis.program(), shutil.which("ip")):
        return "nginx, iproute2, or the programs of PostgreSQL or Redis are missing"
    try:
        name = f"cr-probe{os.getpid()}"  # all processes of pytest ask at the same time
        probe = f"ip netns add {name} && ip netns del {name}"
        subprocess.run([*ISOLATED, "sh", "-c", probe], check=True, capture_output=True, timeout=20)
    except subprocess.CalledProcessError as error:
        return f"the kernel forbids network namespaces: {error.stderr.decode().strip()}"
    return ""


class Hosts:
    """The running hosts. `url` and `tcp_port` are nginx's, on the host `address`."""

    address = f"{NET}.2"
    url = f"http://{address}:80"
    tcp_port = 8888

    def __init__(self, folder: Path, stack: ExitStack, code: Path = ROOT) -> None:
        """code: the files of the version that runs at first."""
        self._folder = folder
        self._code = code
        self._stack = stack
        self.servers: dict[str, subprocess.Popen[bytes]] = {}
        self.redis: subprocess.Popen[bytes] | None = None
        self._environment = dict(
            line.split("=", 1)
            for line in (SEVERAL / "commonroom.env").read_text().splitlines()
            if line and not line.startswith("#")
        )
        self._environment |= {"SECRET_KEY": SECRET, "PATH": os.environ["PATH"], "CHAT_RATE_LIMITS": "off"}
        self._environment |= {"PORT": "8000", "TCP_PORT": "8888", "REDIS_URL": f"redis://{NET}.21:6379/0"}

    def run(self, host: str, *command: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.Popen[bytes]:
        """Start a program on a host; it ends with this process at the latest."""
        log = (self._folder / f"{host}.log").open("ab")
        self._stack.callback(log.close)
        line: list[str | Path] = ["ip", "netns", "exec", f"cr-{host}", "setpriv", "--pdeathsig", "KILL", *command]
        process = subprocess.Popen(line, cwd=cwd, env=environment or None, stdout=log, stderr=log)
        self._stack.callback(_end, process)
        return process

    def start_database(self) -> None:
        data = self._folder / "db" / "data"
        postgresql.initialise(data, "commonroom")
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NET}.0/24 trust\n")
        options = ["-c", "listen_addresses=*", "-k", str(data.parent), "-c", "fsync=off"]
        self.run("db", *postgresql.as_nobody("INT"), postgresql.program("postgres"), "-D", data, *options)
        server: dict[str, Any] = {"host": f"{NET}.21", "user": "commonroom", "autocommit": True}

        def answers() -> bool:
            with suppress(psycopg.OperationalError), psycopg.connect(dbname="postgres", **server) as connection:
                connection.execute("CREATE DATABASE commonroom")
                return True
            return False

        wait_until(answers, "PostgreSQL answers")
        self.flask("app1", "db", "upgrade")

    def start_redis(self) -> None:
        program = redis.program()
        assert program is not None
        lean: list[str | Path] = [
            "--bind",
            f"{NET}.21",
            "--protected-mode",
            "no",
            "--save",
            "",
            "--dir",
            self._folder / "db",
        ]
        self.redis = self.run("db", *postgresql.as_nobody("KILL"), program, *lean)

    def start_server(self, host: str) -> None:
        self.servers[host] = self.run(
            host, BIN / "gunicorn", "tests.served:app", cwd=self._code, **self._environment_of(host)
        )

    def upgrade_server(self, host: str, code: Path) -> None:
        """Stop a server, and start it with another version's files, as deploy/commonroom.service does."""
        self._code = code
        _end(self.servers[host])
        self.flask(host, "db", "upgrade")
        self.start_server(host)

    def flask(self, host: str, *command: str) -> None:
        """Run a command of `flask --app wsgi` on a host."""
        line: list[str | Path] = ["ip", "netns", "exec", f"cr-{host}", BIN / "flask", "--app", "wsgi", *command]
        done = subprocess.run(
            line, cwd=self._code, env=self._environment_of(host), timeout=120, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()

    def _environment_of(self, host: str) -> dict[str, str]:
        return {
            **self._environment, "CHAT_INSTANCE_PATH": str(self._folder / host), "PYTHONPATH": str(self._code),
        }  # fmt: skip

    def start_nginx(self) -> None:
        folder = self._folder / "front"
        site = (ROOT / "deploy" / "nginx.conf").read_text()
        site = re.sub(
            r"upstream commonroom \{.*?\n\}\n", (SEVERAL / "upstream.conf").read_text(), site, flags=re.DOTALL
        )
        site = re.sub(r"\n    (listen 443 ssl|listen 3000|ssl_certificate|ssl_certificate_key)\b[^\n]*", "", site)
        site = site.replace("/var/log/nginx/commonroom.log", str(folder / "access.log"))
        lines = (ROOT / "deploy" / "nginx-tcp.conf").read_text()
        lines = lines.replace("stream {\n", "stream {\n" + (SEVERAL / "upstream-tcp.conf").read_text())
        lines = lines.replace("proxy_pass 127.0.0.1:8889;", "proxy_pass commonroom_tcp;")
        module = f"load_module {STREAM};" if STREAM.exists() else ""
        kinds = ("proxy", "client_body", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
        main = f"{module} user root; daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;"
        (folder / "nginx.conf").write_text(f"{main} events {{}} http {{ {temporary}\n{site} }}\n{lines}")
        assert NGINX is not None
        sysctl = ["ip", "netns", "exec", "cr-front", "sysctl", "-q", "-p", str(SEVERAL / "sysctl.conf")]
        subprocess.run(sysctl, check=True, timeout=20)
        self.run("front", NGINX, "-e", folder / "error.log", "-c", folder / "nginx.conf")

    def cut(self, host: str) -> None:
        """Take a host's cable out."""
        ip("link", "set", f"cr{host}", "down")

    def join(self, host: str) -> None:
        ip("link", "set", f"cr{host}", "up")

    def workers(self, host: str) -> list[int]:
        """The ids of a server's worker processes."""
        return children_of(self.servers[host].pid)

    def log(self) -> str:
        return "\n".join(f"{path.name}:\n{path.read_text()[-2000:]}" for path in sorted(self._folder.glob("*.log")))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def last_release(folder: Path) -> Path | None:
    """The files of the last release, by the headings of CHANGELOG.md; None: not in this clone's history."""
    heading = re.search(r"^## \d+\.\d+\.\d+ \(", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heading is not None
    search = ["git", "log", "-1", "--format=%H", "-S", heading.group(), "--", "CHANGELOG.md"]
    found = subprocess.run(search, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False).stdout.strip()
    if not found:
        return None
    archive = subprocess.run(["git", "archive", found], cwd=ROOT, capture_output=True, timeout=60, check=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, timeout=60, check=True)
    return folder


@contextmanager
def laid_out(code: Path = ROOT) -> Iterator[Hosts]:
    """Lay the network, start everything on it, and remove it again. code: the files of the servers' version."""
    folder = Path(tempfile.mkdtemp(prefix="commonroom-hosts-"))
    folder.chmod(0o755)
    with ExitStack() as stack:
        # The names are the machine's: another run waits.
        lock = stack.enter_context((Path(tempfile.gettempdir()) / "commonroom-hosts.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(_remove)
        _lay()
        for host in HOSTS:
            (folder / host).mkdir()
        hosts = Hosts(folder, stack, code)
        hosts.start_database()
        hosts.start_redis()
        for host in ("app1", "app2"):
            hosts.start_server(host)
        hosts.start_nginx()
        yield hosts


def _lay() -> None:
    _remove()
    ip("link", "add", BRIDGE, "type", "bridge")
    ip("addr", "add", f"{NET}.1/24", "dev", BRIDGE)
    ip("link", "set", BRIDGE, "up")
    for host, number in HOSTS.items():
        ip("netns", "add", f"cr-{host}")
        ip("link", "add", f"cr{host}", "type", "veth", "peer", "name", "eth0", "netns", f"cr-{host}")
        ip("link", "set", f"cr{host}", "master", BRIDGE, "up")
        ip("-n", f"cr-{host}", "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
        ip("-n", f"cr-{host}", "link", "set", "eth0", "up")
        ip("-n", f"cr-{host}", "link", "set", "lo", "up")


def _remove() -> None:
    for host in HOSTS:
        with suppress(subprocess.CalledProcessError):  # by itself the pair goes some time after the namespace
            ip("link", "del", f"cr{host}")
        with suppress(subprocess.CalledProcessError):
            ip("netns", "del", f"cr-{host}")
    with suppress(subprocess.CalledProcessError):
        ip("link", "del", BRIDGE)
