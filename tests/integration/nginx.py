"""nginx in front of a server, with the files in deploy/."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.real_server import ROOT, Server, certificate, free_port

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")  # where it is a module, as Debian has it


@dataclass
class Proxy:
    http: str
    https: str
    second: str
    ipv6: str
    tcp: int
    tcp_tls: int
    cert: Path
    log: Path
    live: Server


@contextmanager
def before(live: Server) -> Iterator[Proxy]:
    """nginx in front of a server, with the files that its home has for it."""
    home = live.home
    ports = {name: free_port() for name in ("80", "443", "3000", "8888", "8890")}
    cert, key = certificate(home)
    log = home / "access.log"
    replaced = {f"    listen {port}": f"    listen 127.0.0.1:{ports[port]}" for port in ("80", "443", "3000")}
    replaced |= {"127.0.0.1:8000": f"127.0.0.1:{live.port}", "/var/log/nginx/commonroom": str(home / "access")}
    replaced |= {"/etc/ssl/commonroom.crt": str(cert), "/etc/ssl/commonroom.key": str(key)}
    replaced |= {"    # listen [::]:80;": f"    listen [::1]:{ports['80']};\n    #"}
    site = adapted("nginx.conf", replaced)
    tcp = adapted(
        "nginx-tcp.conf",
        {
            "    listen 8888": f"    listen 127.0.0.1:{ports['8888']}",
            "# listen [::]:8888": f"listen [::1]:{ports['8888']}",
            "# listen 8890 ssl": f"listen 127.0.0.1:{ports['8890']} ssl",
            "# ssl_certificate ": "ssl_certificate ",
            "/etc/ssl/commonroom.crt": str(cert),
            "/etc/ssl/commonroom.key": str(key),
            "127.0.0.1:8889": f"127.0.0.1:{live.tcp_port}",
        },
    )
    module = f"load_module {STREAM};" if STREAM.exists() else ""
    temporary = "".join(
        f"{kind}_temp_path {home}/{kind};" for kind in ("proxy", "client_body", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""  # it keeps long bodies in this test's folder
    main = f"{module} {user} daemon off; pid {home}/pid; error_log {home}/error.log; worker_processes 1; events {{}} "
    (home / "nginx.conf").write_text(f"{main} http {{ {temporary}\n{site} }}\n{tcp}")
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", str(NGINX), "-e", home / "error.log", "-c", home / "nginx.conf"]
    )
    try:
        yield Proxy(
            http=f"http://127.0.0.1:{ports['80']}",
            https=f"https://127.0.0.1:{ports['443']}",
            second=f"http://127.0.0.1:{ports['3000']}",
            ipv6=f"http://[::1]:{ports['80']}",
            tcp=ports["8888"],
            tcp_tls=ports["8890"],
            cert=cert,
            log=log,
            live=live,
        )
    finally:
        process.terminate()
        process.wait(10)


def adapted(name: str, replaced: dict[str, str]) -> str:
    """A file of deploy/ with this machine's ports and files."""
    text = (ROOT / "deploy" / name).read_text()
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return text


def answers(proxy: Proxy) -> int:
    """The status; 0: nothing listens."""
    try:
        return requests.get(f"{proxy.http}/healthz", timeout=5).status_code
    except requests.RequestException:
        return 0


class Person:
    def __init__(self, proxy: Proxy, url: str, name: str) -> None:
        self.url, self.http = url, requests.Session()
        self.http.trust_env = False
        self.http.verify = str(proxy.cert)
        self.http.headers["Origin"] = url  # as a browser does
        self.post("/user/register", {"username": name, "password": "secret_1"}, 200)

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        reply = self.http.post(self.url + path, json=body, timeout=60)
        assert reply.status_code == status, reply.text[:300]
        return reply.json()

    def say(self, kind: str, content: str) -> None:
        self.post("/chat/send", {"roomname": "public", "new_message": {"type": kind, "content": content}})
