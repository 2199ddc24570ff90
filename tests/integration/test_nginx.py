"""deploy/nginx.conf and deploy/nginx-tcp.conf with the real nginx: what README tells people to run is run."""

import base64
import json
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
import websocket

from chat.protocols import ims, polling, realtime, roomapi
from tests.contract.tcp_client import Lines
from tests.downloads import CONTENT, download, read_in_parts, upload
from tests.integration.nginx import NGINX, Person, Proxy, answers, before
from tests.pictures import noise
from tests.raw import answer, token_of
from tests.real_server import ROOT, Server, wait_until
from tests.server.reader import Reader
from tests.server.test_metrics import figures

if NGINX is None and not os.environ.get("CI"):
    pytest.skip("no nginx (scripts/nginx installs it)", allow_module_level=True)


@pytest.fixture(scope="module")
def proxy(serve: Callable[..., Server]) -> Iterator[Proxy]:
    live = serve(CHAT_TRUSTED_PROXIES="1", CHAT_TCP_PROXY_PROTOCOL="127.0.0.1", CHAT_METRICS="on")
    with before(live) as made:
        wait_until(lambda: answers(made) == 200, "nginx serves")
        yield made


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


def test_pulls_need_no_thread_though_nginx_mixes_its_connections(proxy: Proxy) -> None:
    """Each client's pull comes on the connection that another one's answer has just left."""
    person = Person(proxy, proxy.http, "speaker to pullers")
    port = int(proxy.http.rpartition(":")[2])
    token = token_of(proxy.live, "puller")
    readers = [Reader(proxy.live, token, f"timeout={20 + number / 10}", port) for number in range(12)]  # unequal heads
    cursor = "2099-01-01T00:00:00Z"
    for round_ in range(8):
        if round_ == 2:  # the first pulls, and their heads, were new to the server
            before = figures(proxy.live)["pulls_known"]
        for reader in readers:
            reader.ask({"public": cursor})
        wait_until(lambda: figures(proxy.live)["held_requests"] == len(readers), "all pulls are held")
        person.say("text", str(round_))
        for reader in reversed(readers):
            status, got = answer(reader.talk)
            assert (status, [message["content"] for message in got["public"]]) == (200, [str(round_)])
        cursor = got["public"][-1]["timestamp"]
    known = figures(proxy.live)["pulls_known"] - before
    for reader in readers:
        reader.talk.close()
    assert known >= 0.9 * 6 * len(readers), "pulls go through threads"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_picture_of_five_megabytes_passes(proxy: Proxy, scheme: str) -> None:
    url = getattr(proxy, scheme)
    person = Person(proxy, url, f"painter-{scheme}")
    picture = noise(4_700_000)
    assert 4_000_000 < len(picture) < 5_242_880
    person.say("img", base64.b64encode(picture).decode())
    (last,) = person.post("/api/message/list", {"room_id": 1, "limit": 1})["data"]
    assert len(person.http.get(urljoin(url, last["content"]), timeout=60).content) > 4_000_000
    reply = person.http.post(f"{url}/chat/send", data=b" " * 9_000_000, timeout=60)
    assert reply.status_code == 413


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_download_is_resumed_where_it_was_broken_off(proxy: Proxy, scheme: str) -> None:
    url = getattr(proxy, scheme)
    person = Person(proxy, url, f"loader-{scheme}")
    path = upload(url, person.http.cookies.values()[0], proxy.cert)
    assert read_in_parts(url, path, proxy.cert) == CONTENT
    with ExitStack() as stack:
        for _ in range(12):  # more than threads for requests; they read nothing
            stack.enter_context(download(url, path, {}, proxy.cert))
        person.say("text", "meanwhile")
    assert person.http.get(f"{url}/healthz", timeout=30).ok


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


def test_no_log_of_nginx_holds_the_token_of_a_request_that_failed(tmp_path: Path) -> None:
    """nginx's error log quotes requests whole: bodies that are too large, a server that is stopped, bad heads."""
    with before(Server(tmp_path)) as proxy:
        wait_until(lambda: answers(proxy) == 502, "nginx serves")
        for method, path in (
            ("GET", "/ws/"),
            ("POST", "/conversations"),
            ("GET", "/a/%00"),
            ("GET", "/" + "a" * 70_000),
        ):
            body = b" " * 9_000_000 if method == "POST" else b""
            reply = requests.request(method, f"{proxy.http}{path}?token=very-secret", data=body, timeout=60)
            assert reply.status_code in {400, 413, 414, 502}, reply
        wait_until(lambda: "/conversations" in proxy.log.read_text(), "the requests are logged")
    logs = list(tmp_path.glob("*.log"))
    assert {log.name for log in logs} >= {"access.log", "access-error.log", "error.log"}
    assert not [log.name for log in logs if "very-secret" in log.read_text(errors="replace")]


@pytest.mark.parametrize(("site", "status"), [("same-origin", 200), ("cross-site", 403), ("same-site", 403)])
def test_a_host_without_its_port_is_not_foreign_where_the_browser_says_so(proxy: Proxy, site: str, status: int) -> None:
    person = Person(proxy, proxy.http, f"portless-{site}")
    person.http.headers.update({"Host": "127.0.0.1", "Sec-Fetch-Site": site})
    person.post("/room/create", {"roomname": f"room of {site}"}, status)


def test_long_cookies_pass_and_too_long_ones_are_refused_in_an_envelope(proxy: Proxy) -> None:
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


ENVELOPES = {
    "/chat/send": {"status", "feedback"},
    "/site/rename": {"status", "feedback"},
    "/Login": {"status", "error"},
    "/api/message/send": {"code", "msg", "data"},
    "/ws/join": {"code", "msg", "data"},
    "/conversations/messages": {"code", "info"},
    "/ws/": {"code", "info"},
}


def test_it_knows_the_paths_of_all_protocols() -> None:
    found = re.search(r"location ~ \^/\(([^)]*)\)", (ROOT / "deploy/nginx.conf").read_text())
    assert found is not None
    assert set(found[1].split("|")) == {*polling.PREFIXES, *roomapi.PREFIXES, *realtime.PREFIXES, *ims.PREFIXES}


def test_refusals_by_nginx_have_the_protocols_envelope(proxy: Proxy) -> None:
    for path, keys in ENVELOPES.items():
        reply = requests.post(proxy.http + path, data=b" " * 9_000_000, timeout=60)
        assert (reply.status_code, set(reply.json())) == (413, keys), path
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.json().get("code", 1) == (-3 if keys == {"code", "info"} else 1)  # as the server's own
    reply = requests.post(f"{proxy.http}/chat/upload", data=b" " * 23_000_000, timeout=60)
    assert (reply.status_code, "20 MiB" in reply.json()["feedback"]) == (413, True)


def test_refusals_by_nginx_elsewhere_are_plain_text(proxy: Proxy) -> None:
    large = requests.post(f"{proxy.http}/openapi/polling.json", data=b" " * 9_000_000, timeout=60)
    assert (large.status_code, large.text) == (413, "The body is too large: send at most 8 MiB.\n")
    for path in ("/", "/chat/send", "/conversations"):
        traced = requests.request("TRACE", proxy.http + path, timeout=30)
        assert (traced.status_code, traced.text) == (405, "This method is not for this server.\n"), path
        assert traced.headers["Allow"] == "GET, HEAD, POST, PUT, DELETE, OPTIONS"
    for reply in (large, traced):
        assert reply.headers["Content-Type"] == "text/plain"
    assert "Allow" not in large.headers


def test_nginx_words_every_path_as_its_protocol_does() -> None:
    found = re.search(r"commonroom_refused \{(.*?)\n\}", (ROOT / "deploy/nginx.conf").read_text(), re.DOTALL)
    assert found is not None
    rows = [(row[0], set(json.loads(row[1]))) for row in re.findall(r'"~([^"]*)"\s*\'(.*)\';', found[1])]
    last = {"code", "info"}  # the default
    for protocol, keys in (
        (polling, {"status", "feedback"}), (roomapi, {"code", "msg", "data"}), (realtime, {"status", "error"}),
        (ims, last),
    ):  # fmt: skip
        for prefix in protocol.PREFIXES:
            path = f"/{prefix}/join" if (protocol, prefix) == (roomapi, "ws") else f"/{prefix}"
            assert next((said for shape, said in rows if re.search(shape, path)), last) == keys, path


def test_nginx_words_a_stopped_server_in_the_envelope(tmp_path: Path) -> None:
    with before(Server(tmp_path)) as proxy:
        wait_until(lambda: answers(proxy) == 502, "nginx serves")
        for path, keys in ENVELOPES.items():
            reply = requests.get(proxy.http + path, timeout=30)
            assert (reply.status_code, set(reply.json())) == (502, keys), path
        page = requests.get(f"{proxy.http}/docs", timeout=30)
        assert (page.status_code, page.text.partition(":")[0]) == (502, "The server cannot be reached just now")


def test_clients_by_ipv6_are_known_by_their_addresses(proxy: Proxy) -> None:
    Person(proxy, proxy.ipv6, "six by http").say("text", "over IPv6")
    with socket.create_connection(("::1", proxy.tcp), timeout=20) as lines:
        account = {"message_type": "register_request", "username": "six by lines", "password": "secret1"}
        lines.sendall(json.dumps(account).encode() + b"\n")
        assert json.loads(lines.recv(65536))["success"]
    log = proxy.live.log.read_text()
    for protocol, name in (("polling", "six by http"), ("tcp", "six by lines")):
        found = [line for line in log.splitlines() if "event=registration" in line and f'user="{name}"' in line]
        assert len(found) == 1
        assert f"protocol={protocol} address=::/64 " in found[0], "IPv6 counts by /64"


def test_lines_pass_and_files_too(proxy: Proxy) -> None:
    alice, bob = Lines(proxy.tcp), Lines(proxy.tcp)
    alice.sign_in("alice by lines")
    bob.sign_in("bob by lines")
    person = Person(proxy, proxy.http, "somebody by pull")
    alice.send("chat_message", chat_group_name="public", content="through nginx")
    assert alice.next()["content"] == bob.next()["content"] == "through nginx"
    shown = person.http.get(f"{proxy.http}/chat/history?roomname=public&limit=1", timeout=30).json()["messages"]
    assert shown[0]["content"] == "through nginx"
    alice.close()
    bob.close()


def test_lines_by_tls(proxy: Proxy) -> None:
    context = ssl.create_default_context(cafile=str(proxy.cert))
    with (
        socket.create_connection(("127.0.0.1", proxy.tcp_tls), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as encrypted,
    ):
        encrypted.sendall(BEAT)
        assert b'"heartbeat"' in encrypted.recv(65536)


def test_requests_before_a_half_close_are_answered(proxy: Proxy) -> None:
    with Lines(proxy.tcp) as lines:
        lines.raw(b'{"message_type":"heartbeat"}\n' * 20 + b'{"message_type":"heartbeat"}')
        lines.socket.shutdown(socket.SHUT_WR)
        assert len(lines.rest()) == 21


def test_limits_by_address_hold_for_clients_and_not_for_nginx(proxy: Proxy) -> None:
    with Lines(proxy.tcp) as owner:
        owner.sign_in("owner by lines")
        owner.ask("logout_request")
        with Lines(proxy.tcp, source="127.0.0.9") as guesser:
            wrong = {"username": "owner by lines", "password": "wrong"}
            answers = [guesser.ask("login_request", **wrong)["error_message"] for _ in range(11)]
            assert "操作过于频繁" in answers[-1]
        assert owner.ask("login_request", username="owner by lines", password="secret1")["success"]
    assert "address=127.0.0.9 " in proxy.live.log.read_text()


V2 = b"\r\n\r\n\0\r\nQUIT\n"
BEAT = b'{"message_type":"heartbeat"}\n'


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 192.0.2.7 10.0.0.1 40000 8888\r\n",
        b"PROXY TCP6 2001:db8::7 ::1 40000 8888\r\n",
        b"PROXY UNKNOWN\r\n",
        V2 + b"\x21\x11\x00\x0c" + socket.inet_aton("192.0.2.7") + b"\0\0\0\0\x9c\x40\x22\xb8",
        V2 + b"\x20\x00\x00\x00",
    ],
    ids=["TCP4", "TCP6", "UNKNOWN", "version 2", "version 2, LOCAL"],
)
def test_a_trusted_proxys_header_is_taken_however_it_is_cut(proxy: Proxy, header: bytes) -> None:
    with Lines(proxy.live.tcp_port) as whole, Lines(proxy.live.tcp_port) as cut:
        whole.raw(header + BEAT)
        for byte in header:
            cut.raw(bytes([byte]))
        cut.raw(BEAT)
        assert whole.next()["message_type"] == cut.next()["message_type"] == "heartbeat"


@pytest.mark.parametrize(
    "said", [BEAT, b"PROXY TCP4 192.0.2.7\r\n" + BEAT, b"PROXY " + b"x" * 200, b"\r\n\r\n\0\r\nQUIT?"]
)
def test_a_trusted_proxy_without_a_header_is_hung_up_on(proxy: Proxy, said: bytes) -> None:
    with Lines(proxy.live.tcp_port) as lines:
        lines.raw(said)
        assert lines.rest() == []


def test_a_header_of_anybody_else_is_no_header(proxy: Proxy) -> None:
    with Lines(proxy.live.tcp_port, source="127.0.0.2") as lines:
        lines.raw(b"PROXY TCP4 192.0.2.7 10.0.0.1 40000 8888\r\n" + BEAT)
        assert lines.next()["error_code"] == 1008
        assert lines.next()["message_type"] == "heartbeat"
