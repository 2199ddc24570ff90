"""Hostile clients against the real listener: no failure, no leftovers, and little effect on a well-behaved client.

For more of them: TCP_FUZZ_CONNECTIONS=20000 pytest -n 0 -s --timeout 1800 tests/tcp/test_fuzz.py. TCP_FUZZ_SEED varies
them.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.tcp_client import KEYS, Lines
from tests.processes import resting_sockets_of, rss_of, threads_of
from tests.real_server import ROOT, Server, wait_until
from tests.tcp.fuzz import FIELDS, KINDS

SEED = int(os.environ.get("TCP_FUZZ_SEED", "1"))
CONNECTIONS = int(os.environ.get("TCP_FUZZ_CONNECTIONS", "400"))
LEFT_BYTES = 24 * 1024 * 1024  # of memory, at the most: caches that fill

texts = st.text(max_size=50) | st.sampled_from(["public", "hypo", "secret1", "all", "joined"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
requests = st.fixed_dictionaries(
    {"message_type": st.sampled_from([kind for kind in KINDS if kind != "file_upload_request"])},
    optional={field: values for field in FIELDS if field != "message_type"},
)


@pytest.fixture(scope="module")
def warm(live: Server) -> Server:
    """The server with mallory, the attackers' account."""
    with Lines(live.tcp_port) as mallory:
        mallory.sign_in("mallory")
    return live


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(lines=st.lists(requests.map(lambda r: json.dumps(r).encode()) | st.binary(max_size=200), max_size=10))
def test_every_line_gets_an_answer_as_documented(warm: Server, lines: list[bytes]) -> None:
    """Every request, valid or not, gets a documented answer, and the connection stays open."""
    for logs_in in (False, True):
        with Lines(warm.tcp_port) as client:
            if logs_in:
                assert client.ask("login_request", username="mallory", password="secret1")["success"]
            client.raw(b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines))
            client.send("heartbeat")
            while b"===FILE" not in (line := client.line()):
                message = json.loads(line)
                assert set(message) == KEYS[message["message_type"]] | {"message_type", "timestamp"}
                assert message.get("error_code") != 1009, message
                if message["message_type"] == "heartbeat" and not client.buffer:
                    break


def test_hostile_connections(warm: Server) -> None:
    """In a process of its own, so that this one measures the server and not itself."""
    (pid,) = warm.worker_pids()
    command = [sys.executable, "-m", "tests.tcp.fuzz", str(warm.tcp_port)]
    subprocess.run([*command, "200", "999"], cwd=ROOT, check=True)
    sockets, threads, memory = resting_sockets_of(pid), threads_of(pid), rss_of(pid)
    trips: list[float] = []
    is_over = threading.Event()

    def chat() -> None:
        with Lines(warm.tcp_port) as good:
            good.sign_in("good")
            answer = good.ask("create_chat_request", chat_name="quiet", member_usernames=[])
            while not is_over.wait(0.02):
                began = time.monotonic()
                good.send("chat_message", chat_group_id=answer["chat_group_id"], content="still here?")
                while good.next().get("chat_group_name") != "quiet":
                    pass
                trips.append(time.monotonic() - began)

    chatting = threading.Thread(target=chat)
    chatting.start()
    began = time.monotonic()
    try:
        subprocess.run([*command, str(CONNECTIONS), str(SEED)], cwd=ROOT, check=True)
    finally:
        is_over.set()
        chatting.join()
    took = time.monotonic() - began
    wait_until(lambda: resting_sockets_of(pid) <= sockets + 2, "all sockets are closed", 20)
    grown = rss_of(pid) - memory
    sys.stderr.write(
        f"\n{CONNECTIONS} connections in {took:.0f} s; sockets {sockets} -> {resting_sockets_of(pid)}, "
        f"threads {threads} -> {threads_of(pid)}, memory +{grown / 2**20:.1f} MiB; {len(trips)} round trips, "
        f"median {statistics.median(trips) * 1000:.1f} ms, worst {max(trips) * 1000:.0f} ms\n"
    )
    assert threads_of(pid) <= threads + 2
    assert grown < LEFT_BYTES
    assert statistics.median(trips) < 0.1
    assert warm.worker_pids() == [pid]


def test_the_listener_still_takes_connections(warm: Server) -> None:
    with socket.create_connection(("127.0.0.1", warm.tcp_port), timeout=10) as sock:
        sock.sendall(b'{"message_type":"heartbeat"}\n')
        assert b"heartbeat" in sock.recv(1000)
