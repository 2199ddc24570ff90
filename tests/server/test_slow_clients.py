"""Silent, slow, unreading and disconnecting clients, and a thousand of them, do not affect others."""

import contextlib
import select
import socket
import time
from contextlib import ExitStack

import pytest
import requests

from tests.processes import allow_descriptors, resting_sockets_of, rss_of, sockets_of, threads_of
from tests.raw import Talk, get, open_pull, pull, token_of
from tests.real_server import wait_until
from tests.server.load import MIB, THREADS_MAX, StartServer, many, say, serves_promptly


@pytest.fixture(autouse=True)
def _descriptors() -> None:
    allow_descriptors(8192)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"GET /user/me HTTP/1.1\r\nHost: local",
        b"POST /chat/send HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
        b"POST /chat/send HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"POST /user/login HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
    ],
    ids=["silent", "half a head", "half a body", "half a chunk", "wait for 100"],
)
def test_500_slow_clients_delay_no_other_client(server: StartServer, first: bytes) -> None:
    live = server(CHAT_THREADS="12")
    token = token_of(live, "alice")
    (worker,) = live.worker_pids()
    before, memory = resting_sockets_of(worker), rss_of(worker)
    with many(live, 500, first):
        serves_promptly(live, token)
        wait_until(lambda: sockets_of(worker) >= before + 500, "all are accepted", 10)
        serves_promptly(live, token)
        assert threads_of(worker) < THREADS_MAX
        assert rss_of(worker) - memory < 30 * MIB
    wait_until(lambda: sockets_of(worker) <= before + 5, "their sockets are closed", 10)


def test_heads_that_do_not_end_are_refused(server: StartServer) -> None:
    """After 10 s, with no bytes or one now and then; clients silent between requests may stay."""
    live = server()
    with Talk(live) as idle, Talk(live) as half, Talk(live) as trickling:
        assert idle.ask(get("/healthz")).status == 200
        began = time.monotonic()
        half.send(b"GET /healthz HTTP/1.1\r\nHost:")
        trickling.send(b"GET /healthz HTTP/1.1\r\n")
        waiting = {half.socket, trickling.socket}
        while waiting:
            assert time.monotonic() - began < 14, "still open"
            if trickling.socket in waiting:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    trickling.send(b"X: y\r\n")
            for each in select.select(list(waiting), [], [], 0.3)[0]:
                assert time.monotonic() - began > 8
                with contextlib.suppress(ConnectionResetError):
                    assert each.recv(1000).startswith(b"HTTP/1.1 408")
                waiting.remove(each)
        assert idle.ask(get("/healthz")).status == 200


def test_a_client_that_hangs_up_during_a_pull_is_forgotten_at_once(server: StartServer) -> None:
    live = server()
    token = token_of(live, "alice")
    (worker,) = live.worker_pids()
    before = resting_sockets_of(worker)
    for how in ("close", "reset", "half-close"):
        talks = [Talk(live) for _ in range(20)]
        for talk in talks:
            if how == "close":  # a known head, held
                assert talk.ask(pull(token, {"public": ""}, timeout=0.05)).status == 200
            talk.send(pull(token, {"public": ""}, timeout=40))
        wait_until(lambda: sockets_of(worker) >= before + 20, "all are there")
        time.sleep(0.2)
        for talk in talks:
            if how == "reset":
                talk.reset()
            elif how == "close":
                talk.socket.close()
            else:
                talk.socket.shutdown(socket.SHUT_WR)
        wait_until(lambda: sockets_of(worker) <= before + 1, f"forgotten after {how}", 5)
        for talk in talks:
            talk.socket.close()


def test_clients_that_hang_up_with_requests_in_line(server: StartServer) -> None:
    live = server()
    token = token_of(live, "alice")
    (worker,) = live.worker_pids()
    before = resting_sockets_of(worker)
    for _ in range(40):
        talk = Talk(live)
        talk.send(pull(token, {"public": ""}, timeout=40) + get("/healthz") * 50)
        talk.socket.close()
    wait_until(lambda: sockets_of(worker) <= before + 1, "all are forgotten", 5)
    serves_promptly(live, token)
    assert "Traceback" not in live.log.read_text()


def test_a_thousand_held_pulls(server: StartServer) -> None:
    live = server(CHAT_THREADS="12", CHAT_RATE_LIMITS="off")
    token, bob = token_of(live, "alice"), token_of(live, "bob")
    (worker,) = live.worker_pids()
    before = resting_sockets_of(worker)
    with ExitStack() as stack:
        pulls = [stack.enter_context(open_pull(live, token, {"public": ""})) for _ in range(1000)]
        wait_until(lambda: sockets_of(worker) >= before + 1000, "all are accepted")
        assert requests.get(f"{live.url}/healthz", timeout=10).status_code == 200
        assert not select_any(pulls), "none is answered yet"
        assert threads_of(worker) < THREADS_MAX
        say(live, bob, "to all 1000")  # alice's own request would wait behind her pulls
        assert len(set(read_all(pulls))) == 1
    wait_until(lambda: sockets_of(worker) <= before + 1, "no socket is left over", 10)


def test_a_thousand_clients_hang_up_and_come_back(server: StartServer) -> None:
    live = server(CHAT_THREADS="12", CHAT_RATE_LIMITS="off")
    token, bob = token_of(live, "alice"), token_of(live, "bob")
    (worker,) = live.worker_pids()
    before = resting_sockets_of(worker)
    first = [Talk(live) for _ in range(1000)]
    for talk in first:
        talk.send(pull(token, {"public": ""}, timeout=40))
    for n, talk in enumerate(first):
        if n % 2:
            talk.reset()
        else:
            talk.socket.close()
    with ExitStack() as stack:
        pulls = [stack.enter_context(open_pull(live, token, {"public": ""})) for _ in range(1000)]
        wait_until(lambda: before + 1000 <= sockets_of(worker) <= before + 1001, "only those who came back are there")
        assert requests.get(f"{live.url}/healthz", timeout=10).status_code == 200
        assert threads_of(worker) < THREADS_MAX
        say(live, bob, "welcome back")  # alice's own request would wait behind her pulls
        (content,) = set(read_all(pulls))
        assert b"welcome back" in content
    wait_until(lambda: sockets_of(worker) <= before + 1, "no socket is left over", 10)
    assert "Traceback" not in live.log.read_text()


def select_any(connections: list[Talk]) -> list[tuple[int, int]]:
    poll = select.poll()  # select takes no descriptors over 1023
    for connection in connections:
        poll.register(connection, select.POLLIN)
    return poll.poll(0)


def read_all(connections: list[Talk]) -> list[bytes]:
    """Return the body of each connection's answer."""
    answers = [connection.answer() for connection in connections]
    assert {each.status for each in answers} == {200}
    return [each.body for each in answers]


def test_connections_past_the_descriptors_are_refused(server: StartServer) -> None:
    """Existing connections are still served, surplus ones are told, and there is room again after some have closed."""
    live = server(descriptors=256)
    token = token_of(live, "alice")
    with requests.Session() as kept:
        kept.headers["Authorization"] = token
        assert kept.get(f"{live.url}/user/me", timeout=5).status_code == 200
        with many(live, 300, b"", addresses=5) as opened:
            wait_until(lambda: len(select.select(opened, [], [], 0)[0]) >= 300 - 128, "those too many are refused")
            refused = [each for each in opened if select.select([each], [], [], 0)[0]]
            assert 300 - 128 <= len(refused) <= 300 - 100
            told = [each.recv(1000) for each in refused[:20]]
            assert all(answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After" in answer for answer in told)
            body = {"roomname": "public", "new_message": {"type": "text", "content": "still here"}}
            assert kept.post(f"{live.url}/chat/send", json=body, timeout=5).status_code == 200
        wait_until(lambda: requests.get(f"{live.url}/healthz", timeout=5).status_code == 200, "there is room again")
    assert "Traceback" not in live.log.read_text()


def test_one_address_takes_no_more_than_its_places(server: StartServer) -> None:
    """Its further connections are told so, at both ports; another address is served."""
    live = server(CHAT_CONNECTIONS_PER_ADDRESS="20")
    with many(live, 30, b"") as opened:
        wait_until(lambda: len(select.select(opened, [], [], 0)[0]) >= 10, "ten are refused")
        assert len(select.select(opened, [], [], 0.2)[0]) == 10
        with socket.create_connection(("127.0.0.1", live.tcp_port), timeout=10) as lines:
            assert b"1008" in lines.recv(1000)
        with socket.create_connection(("127.0.0.1", live.port), 10, source_address=("127.0.0.2", 0)) as other:
            other.sendall(get("/healthz"))
            assert other.recv(1000).startswith(b"HTTP/1.1 200 ")
    wait_until(lambda: requests.get(f"{live.url}/healthz", timeout=5).status_code == 200, "there is room again")
