"""The tcp protocol's port with TLS, with too many connections, and handed over to a new gunicorn."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.tcp_client import Lines
from tests.real_server import ROOT, Server, certificate, children_of, wait_until

StartServer = Callable[..., Server]


class TlsServer(Server):
    def healthy(self) -> bool:
        """That of a web server that speaks TLS is asked in the test; here the port of lines is."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.tcp_port), 2):
            return True
        return False


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
def test_lines_stay_plain_where_the_web_is_under_tls(home: Path, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    live = TlsServer(home, env={"GUNICORN_CMD_ARGS": f"--certfile {cert} --keyfile {key}"})
    try:
        live.start()
        with Lines(live.tcp_port) as alice:
            alice.sign_in("alice")
            assert alice.ask("user_info_request")["message_type"] == "user_info_response"
        with socket.create_connection(("127.0.0.1", live.port), 5) as plain:  # the other port does speak TLS
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert plain.recv(1000).startswith(b"HTTP/1.1 400 ")  # told to use https://
        assert "Traceback" not in live.log.read_text()
    finally:
        live.kill()


def test_connections_past_the_descriptors_are_closed(server: StartServer) -> None:
    """Existing connections are still served, and there is room again after some have closed."""
    live = server(descriptors=256)
    with Lines(live.tcp_port) as alice:
        alice.sign_in("alice")
        with contextlib.ExitStack() as stack:
            opened = [
                stack.enter_context(
                    socket.create_connection(
                        ("127.0.0.1", live.tcp_port), 5, source_address=(f"127.0.0.{n % 5 + 1}", 0)
                    )
                )
                for n in range(300)
            ]
            wait_until(lambda: select.select(opened, [], [], 0)[0], "some are refused")
            time.sleep(0.5)
            refused = [each for each in opened if select.select([each], [], [], 0)[0]]
            assert 300 - 128 <= len(refused) <= 300 - 100
            for each in refused:
                told = json.loads(each.recv(1000))
                assert (told["message_type"], told["error_code"]) == ("error_message", 1008)
                assert each.recv(1000) == b""
            assert alice.ask("heartbeat")["message_type"] == "heartbeat"
        wait_until(lambda: greets(live), "there is room again")
    assert "Traceback" not in live.log.read_text()


def greets(live: Server) -> bool:
    with contextlib.suppress(OSError, EOFError, AssertionError), Lines(live.tcp_port) as client:
        return bool(client.ask("heartbeat")["message_type"])
    return False


@pytest.mark.parametrize("how", [signal.SIGUSR2, signal.SIGHUP])
def test_the_new_server_has_the_port(server: StartServer, how: signal.Signals) -> None:
    live = server(code=ROOT if how is signal.SIGHUP else None)
    group = live.pid
    try:
        with Lines(live.tcp_port) as alice:
            alice.sign_in("alice")
            (old,) = live.worker_pids()
            live.signal(how)
            if how is signal.SIGUSR2:
                wait_until(lambda: any(children_of(child) for child in children_of(group)), "a new master has a worker")
                time.sleep(0.3)
                live.signal(signal.SIGTERM)
                assert live.wait() == 0
            else:
                wait_until(lambda: live.worker_pids() and old not in live.worker_pids(), "the worker is another", 20)
            assert alice.rest()[-1]["message_type"] == "system_message"  # that it stops; then a clean end
        with Lines(live.tcp_port) as again:
            assert again.ask("login_request", username="alice", password="secret1")["success"]
        text = live.log.read_text()
        assert "Traceback" not in text
        assert "NOT SERVED" not in text
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
