"""deploy/nginx.conf with the real nginx: what README tells people to run is run."""

import base64
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from tests.pictures import noise
from tests.server import ROOT, Server, certificate, free_port, wait_until

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
if NGINX is None and not os.environ.get("CI"):
    pytest.skip("no nginx (scripts/nginx installs it)", allow_module_level=True)


@dataclass
class Proxy:
    http: str
    https: str
    second: str
    cert: Path
    log: Path


@pytest.fixture(scope="module")
def proxy(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("nginx")
    shutil.copy(migrated, home / "commonroom.db")
    live = Server(home, env={"CHAT_TRUSTED_PROXIES": "1", "CHAT_RATE_LIMITS": "off"})
    ports = {name: free_port() for name in ("80", "443", "3000")}
    cert, key = certificate(home)
    site = (ROOT / "deploy/nginx.conf").read_text()
    for port, free in ports.items():
        site = site.replace(f"    listen {port}", f"    listen 127.0.0.1:{free}")
    log = home / "access.log"
    replaced = {"127.0.0.1:8000": f"127.0.0.1:{live.port}", "/etc/ssl/commonroom.crt": cert,
                "/etc/ssl/commonroom.key": key, "/var/log/nginx/commonroom.log": log}  # fmt: skip
    for old, new in replaced.items():
        assert old in site
        site = site.replace(old, str(new))
    temporary = "".join(
        f"{kind}_temp_path {home}/{kind};" for kind in ("proxy", "client_body", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.getuid() == 0 else ""  # it keeps long bodies in this test's folder
    main = f"{user} daemon off; pid {home}/pid; error_log {home}/error.log; worker_processes 1; events {{}} "
    (home / "nginx.conf").write_text(f"{main} http {{ {temporary}\n{site} }}")
    live.start()
    process = subprocess.Popen([str(NGINX), "-e", home / "error.log", "-c", home / "nginx.conf"])
    try:
        made = Proxy(
            http=f"http://127.0.0.1:{ports['80']}",
            https=f"https://127.0.0.1:{ports['443']}",
            second=f"http://127.0.0.1:{ports['3000']}",
            cert=cert,
            log=log,
        )
        wait_until(lambda: answers(made), "nginx serves")
        yield made
    finally:
        process.terminate()
        process.wait(10)
        live.kill()


def answers(proxy: Proxy) -> bool:
    try:
        return requests.get(f"{proxy.http}/healthz", timeout=5).ok
    except requests.RequestException:
        return False


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


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_pulls_are_held_and_answered_at_once(proxy: Proxy, scheme: str) -> None:
    alice = Person(proxy, getattr(proxy, scheme), f"alice-{scheme}")
    name = next(cookie.name for cookie in alice.http.cookies if "session" in cookie.name)
    assert name.startswith("__Host-" if scheme == "https" else "commonroom_")
    got: list[Any] = []
    held = threading.Thread(
        target=lambda: got.append(alice.post("/chat/pull?timeout=40", {"public": "2099-01-01T00:00:00Z"}))
    )
    held.start()
    held.join(1)
    assert held.is_alive()
    Person(proxy, alice.url, f"bob-{scheme}").say("text", "news")
    held.join(20)
    assert [message["content"] for message in got[0]["public"]] == ["news"]


def test_a_picture_of_five_megabytes_passes(proxy: Proxy) -> None:
    person = Person(proxy, proxy.http, "painter")
    picture = noise(4_700_000)
    assert 4_000_000 < len(picture) < 5_242_880
    person.say("img", base64.b64encode(picture).decode())
    reply = person.http.post(f"{proxy.http}/chat/send", data=b" " * 9_000_000, timeout=60)
    assert reply.status_code == 413


@pytest.mark.parametrize("where", ["http", "https", "second"])
def test_sockets_of_three_protocols(proxy: Proxy, where: str) -> None:
    url = getattr(proxy, where)
    person = Person(proxy, url, f"socket-{where}")
    token = person.http.cookies.values()[0]
    options: Any = {"sslopt": {"ca_certs": str(proxy.cert)}, "timeout": 20, "origin": url}
    base = url.replace("http", "ws", 1)
    roomapi = websocket.create_connection(f"{base}/api/message/ws?token={token}", **options)
    assert '"code":0' in roomapi.recv()
    ims = websocket.create_connection(f"{base}/ws/?token={token}", **options)
    ticket = person.http.get(f"{url}/Room/1", timeout=30).json()["token"]
    realtime = websocket.create_connection(f"{base}/", **options)
    realtime.send(json.dumps({"token": ticket}))
    realtime.send('{"msg":"by socket"}')
    assert realtime.recv() == '{"status":true}'
    assert "by socket" in roomapi.recv()
    assert ims.recv() == '{"type":"notify"}'
    for each in (roomapi, ims, realtime):
        each.close()


def test_the_access_log_holds_no_query_strings(proxy: Proxy) -> None:
    requests.get(f"{proxy.http}/user/me?token=very-secret", timeout=30)
    wait_until(lambda: "/user/me" in proxy.log.read_text(), "the request is logged")
    assert "very-secret" not in proxy.log.read_text()
    assert "token=" not in proxy.log.read_text()


@pytest.mark.parametrize(("site", "status"), [("same-origin", 200), ("cross-site", 403), ("same-site", 403)])
def test_a_host_without_its_port_is_not_foreign_where_the_browser_says_so(proxy: Proxy, site: str, status: int) -> None:
    person = Person(proxy, proxy.http, f"portless-{site}")
    person.http.headers.update({"Host": "127.0.0.1", "Sec-Fetch-Site": site})
    person.post("/room/create", {"roomname": f"room of {site}"}, status)


def test_long_cookies_pass_and_too_long_ones_are_told_in_an_envelope(proxy: Proxy) -> None:
    taken, refused = (
        requests.get(f"{proxy.http}/user/me", headers={"Cookie": f"a={'x' * size}"}, timeout=20)
        for size in (32_000, 48_000)
    )
    assert (taken.status_code, taken.json()["status"]) == (401, "failure")
    assert (refused.status_code, refused.json()["status"]) == (431, "failure")


def test_a_client_of_http_10_without_host_is_served(proxy: Proxy) -> None:
    host, _, port = proxy.http.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
