"""Hosts played by network namespaces: two run the server, one PostgreSQL, nginx in front, by the files of deploy/.

Needs root, iproute2, nginx and PostgreSQL's programs. Everything has names and a range of its own and is removed.
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

from tests import postgresql
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
    if NGINX is None or postgresql.programs() is None or shutil.which("ip") is None:
        return "nginx, PostgreSQL's programs or iproute2 are missing"
    try:
        probe = "ip netns add cr-probe && ip netns del cr-probe"
        subprocess.run([*ISOLATED, "sh", "-c", probe], check=True, capture_output=True, timeout=20)
    except subprocess.CalledProcessError as error:
        return f"the kernel forbids network namespaces: {error.stderr.decode().strip()}"
    return ""


class Hosts:
    """The running hosts. `url` and `tcp_port` are nginx's, on the host `address`."""

    address = f"{NET}.2"
    url = f"http://{address}:80"
    tcp_port = 8888

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self.servers: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = dict(
            line.split("=", 1)
            for line in (SEVERAL / "commonroom.env").read_text().splitlines()
            if line and not line.startswith("#")
        )
        self._environment |= {"SECRET_KEY": SECRET, "PATH": os.environ["PATH"], "CHAT_RATE_LIMITS": "off"}
        self._environment |= {"PORT": "8000", "TCP_PORT": "8888", "PYTHONPATH": str(ROOT)}

    def run(self, host: str, *command: str | Path, **environment: str) -> subprocess.Popen[bytes]:
        """Start a program on a host; it ends with this process at the latest."""
        log = (self._folder / f"{host}.log").open("ab")
        self._stack.callback(log.close)
        line: list[str | Path] = ["ip", "netns", "exec", f"cr-{host}", "setpriv", "--pdeathsig", "KILL", *command]
        process = subprocess.Popen(line, cwd=ROOT, env=environment or None, stdout=log, stderr=log)
        self._stack.callback(_end, process)
        return process

    def start_database(self) -> None:
        programs = postgresql.programs()
        assert programs is not None
        shutil.chown(self._folder / "db", "nobody", "nogroup")
        as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        data = self._folder / "db" / "data"
        initdb: list[str | Path] = [
            programs / "initdb",
            "-N",
            "-D",
            data,
            "-U",
            "commonroom",
            "-E",
            "UTF8",
            "--locale=C",
            "-A",
            "trust",
        ]
        subprocess.run([*as_nobody, *initdb], check=True, capture_output=True, cwd=data.parent, timeout=60)
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NET}.0/24 trust\n")
        options = ["-c", "listen_addresses=*", "-k", str(data.parent), "-c", "fsync=off"]
        self.run("db", *as_nobody, programs / "postgres", "-D", data, *options)
        server: dict[str, Any] = {"host": f"{NET}.21", "user": "commonroom", "autocommit": True}

        def answers() -> bool:
            with suppress(psycopg.OperationalError), psycopg.connect(dbname="postgres", **server) as connection:
                connection.execute("CREATE DATABASE commonroom")
                return True
            return False

        wait_until(answers, "PostgreSQL answers")
        migrate = {**self._environment, "CHAT_INSTANCE_PATH": str(self._folder / "app1")}
        command: list[str | Path] = ["ip", "netns", "exec", "cr-app1", BIN / "flask", "--app", "wsgi", "db", "upgrade"]
        subprocess.run(command, check=True, cwd=ROOT, env=migrate, timeout=120, capture_output=True)

    def start_server(self, host: str) -> None:
        environment = {**self._environment, "CHAT_INSTANCE_PATH": str(self._folder / host)}
        self.servers[host] = self.run(host, BIN / "gunicorn", "tests.served:app", **environment)

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


@contextmanager
def laid_out() -> Iterator[Hosts]:
    """Lay the network, start everything on it, and remove it again."""
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
        hosts = Hosts(folder, stack)
        hosts.start_database()
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
