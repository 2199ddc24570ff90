"""Lines on the wire: arbitrary chunks; slow, silent and disconnected clients; start and stop."""

import contextlib
import json
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.tcp_client import Lines
from tests.processes import resting_sockets_of, rss_of, sockets_of
from tests.real_server import Server, wait_until
from tests.tcp.conftest import Connect, create, enter

BEAT = b'{"message_type":"heartbeat"}'


def test_byte_by_byte(connect: Connect) -> None:
    lines = connect()
    for byte in BEAT + b"\n":
        lines.raw(bytes([byte]))
    assert lines.next()["message_type"] == "heartbeat"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n\n", b" \t\r\n \r\n\n", b"\n" + b"\n" * 200_000])
def test_ends_of_lines(connect: Connect, end: bytes) -> None:
    lines = connect()
    lines.raw((BEAT + end) * 5)
    assert [lines.next()["message_type"] for _ in range(5)] == ["heartbeat"] * 5


def test_many_in_one_packet_are_answered_in_order(connect: Connect) -> None:
    lines = connect()
    requests = [BEAT, b'{"message_type":"user_info_request"}', b"nonsense", b'{"message_type":"login_request"}'] * 200
    lines.raw(b"\n".join(requests) + b"\n")
    for _ in range(200):
        assert lines.next()["message_type"] == "heartbeat"
        assert [lines.next()["error_code"] for _ in range(3)] == [1001, 1008, 1008]


def test_half_closed(connect: Connect) -> None:
    """Like `printf … | nc`: complete and incomplete lines are answered, then the connection is closed."""
    lines = connect()
    lines.raw((BEAT + b"\n") * 50 + BEAT)
    lines.socket.shutdown(socket.SHUT_WR)
    assert len(lines.rest()) == 51


@pytest.mark.parametrize("size", [65536, 65537])
def test_the_longest_line(connect: Connect, size: int) -> None:
    lines = connect()
    lines.raw(b'{"message_type":"heartbeat","x":"' + b"x" * (size - 35) + b'"}\n')
    if size == 65536:
        assert lines.next()["message_type"] == "heartbeat"
    else:
        (last,) = lines.rest()
        assert last["error_code"] == 1008


def test_endless_lines_do_not_grow_the_memory(live: Server, connect: Connect) -> None:
    (pid,) = live.worker_pids()
    base = rss_of(pid)
    for _ in range(20):
        lines = connect()
        try:
            for _ in range(64):
                lines.raw(b"x" * 65536)
        except OSError:
            continue  # it is closed soon
    assert rss_of(pid) - base < 8 * 1024 * 1024
    assert connect().ask("heartbeat")["message_type"] == "heartbeat"


def test_a_client_that_does_not_read_is_dropped_without_harm_to_others(
    live: Server, connect: Connect, room: str
) -> None:
    alice, bob = connect("alice"), connect("bob")
    group_id = create(alice, room, bob)
    slow = Lines(live.tcp_port, receive_buffer=4096)
    assert slow.ask("login_request", username=bob.username, password="secret1")["success"]
    (pid,) = live.worker_pids()
    before, base = sockets_of(pid), rss_of(pid)
    took = []
    for _ in range(500):
        began = time.monotonic()
        alice.ask("chat_message", chat_group_id=group_id, content="大" * 4000)
        took.append(time.monotonic() - began)
        assert bob.next()["content"]
    wait_until(lambda: sockets_of(pid) < before, "it is dropped", 10)
    assert rss_of(pid) - base < 32 * 1024 * 1024
    assert sorted(took)[250] < 0.1
    slow.close()


def test_many_clients_that_request_and_do_not_read(live: Server, connect: Connect) -> None:
    """Unread answers block further requests of the connection until they are read."""
    alice = connect("alice")
    greedy = connect("greedy", receive_buffer=4096)
    (pid,) = live.worker_pids()
    base = rss_of(pid)
    greedy.socket.settimeout(1)
    asked = b'{"message_type":"list_users_request"}\n' * 500_000
    with pytest.raises(TimeoutError):
        greedy.raw(asked)
    assert rss_of(pid) - base < 8 * 1024 * 1024
    assert alice.ask("heartbeat")["message_type"] == "heartbeat"
    assert greedy.next()["message_type"] == "list_users_response", "and nothing of what was asked is lost"


def test_disconnected_clients_leave_nothing(live: Server, connect: Connect) -> None:
    (pid,) = live.worker_pids()
    before = resting_sockets_of(pid)
    for n in range(200):
        lines = Lines(live.tcp_port)
        lines.raw((BEAT + b"\n") * (n % 5) + BEAT[: n % len(BEAT)])
        lines.close()
    wait_until(lambda: resting_sockets_of(pid) <= before, "all sockets are closed")


@pytest.fixture
def impatient(server: Callable[..., Server]) -> Server:
    return server(app="tests.tcp.quick_app:create()")


def test_connections_without_login_are_closed_and_others_kept(impatient: Server) -> None:
    with Lines(impatient.tcp_port) as alice:
        alice.sign_in("alice")
        with Lines(impatient.tcp_port) as idle, Lines(impatient.tcp_port) as busy:
            while not select.select([idle.socket], [], [], 0.5)[0]:
                assert busy.ask("heartbeat")["message_type"] == "heartbeat", "it says something"
            (last,) = idle.rest()
            assert last["error_code"] == 1001
            assert busy.ask("heartbeat")["message_type"] == "heartbeat"
        assert alice.ask("user_info_request")["message_type"] == "user_info_response"
        alice.ask("logout_request")
        assert alice.rest()[-1]["error_code"] == 1001


def test_transfers_that_stand_still_are_given_up(impatient: Server) -> None:
    (pid,) = impatient.worker_pids()
    before = resting_sockets_of(pid)
    with Lines(impatient.tcp_port) as up, contextlib.ExitStack() as later:
        up.sign_in("alice")
        up.ask("file_upload_request", filename="f", file_size=8_000_000, chat_group_id=1)
        up.raw(bytes(8_000_000))
        file_id = up.next()["file_id"]
        down = later.enter_context(Lines(impatient.tcp_port, receive_buffer=4096))  # it has little time to log in
        assert down.ask("login_request", username="alice", password="secret1")["success"]
        down.send("file_download_request", file_id=file_id)
        up.until_quiet()
        assert up.ask("file_upload_request", filename="f", file_size=8_000_000, chat_group_id=1)["success"]
        up.raw(bytes(300_000))
        (last,) = up.rest()
        assert last["error_code"] == 1008
        wait_until(lambda: sockets_of(pid) <= before, "the download is given up, too")
        got = 0
        with contextlib.suppress(ConnectionError):
            while piece := down.socket.recv(65536):
                got += len(piece)
        assert got < 8_000_000


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGQUIT])
def test_stopping_says_so_and_closes(server: Callable[..., Server], how: signal.Signals) -> None:
    live = server()
    alice, stranger = Lines(live.tcp_port), Lines(live.tcp_port)
    with alice, stranger:
        alice.sign_in("alice")
        stranger.ask("heartbeat")
        live.signal(how)
        for each in (alice, stranger):
            (last,) = each.rest()
            assert (last["message_type"], last["level"]) == ("system_message", "warning")
            each.close()
        assert live.wait() == 0
    assert "Traceback" not in live.log.read_text()


def test_all_that_is_stored_before_the_stop_comes_back_to_its_sender(server: Callable[..., Server]) -> None:
    live = server(CHAT_RATE_LIMITS="off")
    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(Lines(live.tcp_port)) for _ in range(5)]
        for number, sender in enumerate(senders):
            sender.sign_in(f"sender {number}")
        for number, sender in enumerate(senders):
            text = {"message_type": "chat_message", "chat_group_name": "public"}
            lines = [json.dumps({**text, "content": f"{number} {n}"}).encode() for n in range(1000)]
            sender.raw(b"\n".join(lines) + b"\n")
        began = senders[0].next()
        live.signal(signal.SIGTERM)
        came = {said.get("content") for sender in senders for said in sender.rest()} | {began["content"]}
    assert live.wait() == 0
    live.start()
    with Lines(live.tcp_port) as reader:
        reader.sign_in("reader")
        stored = [said["content"] for said in enter(reader, "public")]
    assert stored
    assert set(stored) - came == set()


def test_a_taken_port_is_a_loud_warning_and_the_rest_serves(server: Callable[..., Server]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        live = server(TCP_PORT=str(taken.getsockname()[1]))
        assert live.healthy()
        assert "TCP PROTOCOL IS NOT SERVED" in live.log.read_text()
    assert live.stop() == 0


def test_the_http_port_stays_http(home: Path) -> None:
    live = Server(home)
    live.tcp_port = live.port
    try:
        live.start()
        assert "TCP PROTOCOL IS NOT SERVED" in live.log.read_text()
    finally:
        live.kill()


def test_turned_off(server: Callable[..., Server]) -> None:
    live = server(TCP_PORT="0")
    assert "TCP" not in live.log.read_text()


def test_several_workers_and_a_restart(server: Callable[..., Server]) -> None:
    live = server(workers=2)
    people = [Lines(live.tcp_port) for _ in range(12)]
    people[0].sign_in("alice")
    for each in people[1:]:
        assert each.ask("login_request", username="alice", password="secret1")["success"]
    sent = people[0].ask("chat_message", chat_group_id=1, content="to all")
    for each in people[1:]:
        assert each.next() == sent
    old = set(live.worker_pids())
    live.signal(signal.SIGHUP)
    for each in people:
        assert each.rest()[-1]["message_type"] == "system_message"
        each.close()
    wait_until(lambda: old.isdisjoint(live.worker_pids()), "no old worker is left to take the next connection")
    with Lines(live.tcp_port, timeout=30) as again:  # both new workers may be loading the application still
        assert again.ask("login_request", username="alice", password="secret1")["success"]


def test_many_writers_and_everybody_gets_all_once_in_one_order(live: Server, connect: Connect, room: str) -> None:
    people = [connect(f"p{n}") for n in range(5)]
    group_id = create(people[0], room, *people[1:])
    heard: list[list[int]] = [[] for _ in people]

    def talk(n: int) -> None:
        line = {"message_type": "chat_message", "chat_group_id": group_id, "content": f"from {n}"}
        people[n].raw((json.dumps(line) + "\n").encode() * 40)
        heard[n] = [people[n].next()["message_id"] for _ in range(200)]

    threads = [threading.Thread(target=talk, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(set(heard[0])) == 200
    assert all(each == heard[0] for each in heard)
