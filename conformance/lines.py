"""The tcp protocol by clients that only pass bytes on: nc, and telnet, whose lines end by CR LF."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from conformance.clients import LIMIT, Outcome
from conformance.foreign_cases import tried
from tests.real_server import Server

_NC = ["nc", "-N", "127.0.0.1"]  # -N: the end of input is passed on
_TELNET = ["telnet", "127.0.0.1"]


def run(server: Server) -> Iterator[Outcome]:
    """Both programs, if they are there."""
    for program, cases in {"nc": (_piped, _talks, _meets_errors), "telnet": (_talks, _meets_errors)}.items():
        for case in cases:
            about = str(case.__doc__).rstrip(".")
            if shutil.which(program) is None:
                yield Outcome(program, about, skipped=f"no {program} here")
            else:
                yield tried(program, about, partial(case, server, program))


class Terminal:
    """A program with piped input and output."""

    def __init__(self, server: Server, program: str) -> None:
        command = [*(_NC if program == "nc" else _TELNET), str(server.tcp_port)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, message_type: str, **fields: Any) -> dict[str, Any]:
        self.type(json.dumps({"message_type": message_type, **fields}))
        return self.next()

    def next(self) -> dict[str, Any]:
        """The next message; telnet says a word of its own first."""
        assert self.process.stdout is not None
        began = time.monotonic()
        while time.monotonic() - began < LIMIT:
            line = self.process.stdout.readline()
            assert line, "the connection has ended"
            if line.lstrip().startswith(b"{"):
                found: dict[str, Any] = json.loads(line)
                return found
        raise AssertionError("no answer")


def _piped(server: Server, program: str) -> None:
    """tcp: lines out of a pipe, answered before the end."""
    lines = b'{"message_type":"heartbeat"}\n' * 20 + b'{"message_type":"heartbeat"}'
    command = [*_NC, str(server.tcp_port)]
    out = subprocess.run(command, input=lines, capture_output=True, timeout=LIMIT, check=True).stdout
    assert [json.loads(line)["message_type"] for line in out.splitlines()] == ["heartbeat"] * 21, program


def _talks(server: Server, program: str) -> None:
    """tcp: register, log in, send, read."""
    account = {"username": f"by {program}", "password": "secret1"}
    with Terminal(server, program) as terminal:
        assert terminal.ask("register_request", **account)["success"]
        assert terminal.ask("login_request", **account)["success"]
        text = f"大家好 by {program}"
        assert terminal.ask("chat_message", chat_group_name="public", content=text)["content"] == text
        assert terminal.ask("user_info_request")["user_info"]["username"] == f"by {program}"


def _meets_errors(server: Server, program: str) -> None:
    """tcp: errors, after which it goes on."""
    with Terminal(server, program) as terminal:
        terminal.type("hello")
        assert terminal.next()["error_code"] == 1008
        assert terminal.ask("user_info_request")["error_code"] == 1001
        assert terminal.ask("heartbeat")["message_type"] == "heartbeat"
