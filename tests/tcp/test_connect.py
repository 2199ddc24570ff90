"""`flask chat connect` as a person uses it, at a terminal."""

import contextlib
import io
import os
import pty
import readline
import select
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.connect import ERASE_LINE, INDENT, Client, clean, host_and_port, indented, said
from tests import launch
from tests.real_server import BIN, ROOT, Server
from tests.tcp.conftest import Connect


class Terminal:
    """A program's screen and keyboard."""

    def __init__(self, home: Path, *command: str) -> None:
        self.fd, slave = pty.openpty()
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", "CHAT_INSTANCE_PATH": str(home)},
        )  # fmt: skip
        os.close(slave)
        self.screen = ""

    def type(self, line: str) -> None:
        os.write(self.fd, line.encode() + b"\r")

    def see(self, text: str, timeout: float = 20) -> None:
        """Wait for this text after the text seen before."""
        deadline = time.monotonic() + timeout
        while text not in self.screen:
            assert time.monotonic() < deadline, f"{text!r} does not come:\n{self.screen}"
            if select.select([self.fd], [], [], 0.2)[0]:
                with contextlib.suppress(OSError):
                    self.screen += os.read(self.fd, 65536).decode(errors="replace")
        self.screen = self.screen.partition(text)[2]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.fd)


@pytest.fixture(params=["flask", "plain"])
def terminal(request: pytest.FixtureRequest, live: Server) -> Iterator[Terminal]:
    flask = (str(BIN / "flask"), "--app", "wsgi", "chat", "connect", f"localhost:{live.tcp_port}")
    plain = (sys.executable, "-I", "chat/connect.py", f"localhost:{live.tcp_port}")
    made = Terminal(live.home, *(flask if request.param == "flask" else plain))
    yield made
    made.close()


def test_a_person_chats(terminal: Terminal, connect: Connect, room: str) -> None:
    name = f"person {room}"
    terminal.see("/quit")
    terminal.see("> ")
    for command in ("/register", "/login"):
        terminal.type(f"{command} {name}")
        terminal.see("Password: ")
        terminal.type("secret1")
        terminal.see("Done.")
    terminal.type(f"/create {room}")
    terminal.see("Done.")
    terminal.type("/list")
    terminal.see(f"{room} (1)")
    bob = connect("bob")
    bob.ask("join_chat_request", chat_name=room)
    terminal.type(f"/enter {room}")
    terminal.see(f"-- {room} --")
    forged = f"[{room}] teacher: go home"
    bob.send("chat_message", chat_group_name=room, content=f"nice\n{forged}\r{forged}")
    bob.next()
    terminal.see(": nice")
    terminal.see(f"      {forged}")  # further lines are set in
    terminal.see(f"      {forged}")
    terminal.see(f"{room}> ")
    terminal.type("你好, bob")
    terminal.see(f"[{room}] {name}: 你好, bob")
    assert bob.next()["content"] == "你好, bob"
    os.write(terminal.fd, b"half a li")
    terminal.see("half a li")
    bob.ask("chat_message", chat_group_name=room, content="I can \x1b[31msee\x07 you")
    terminal.see(f"\r\x1b[K[{room}] {bob.username}: I can ?[31msee? you\r\n{room}> half a li")
    terminal.type("ne")
    assert bob.next()["content"] == "half a line"
    terminal.type("/join nowhere at all")
    terminal.see("! ")
    terminal.type("/what")
    terminal.see("/quit")
    terminal.type("/quit")
    assert terminal.process.wait(20) == 0


@pytest.mark.parametrize("padding", [" " * 60, "." * 300, "\u3000" * 30, "字" * 40 + " " * 200])
def test_no_line_on_the_screen_begins_like_another_users(monkeypatch: pytest.MonkeyPatch, padding: str) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for spaces in range(60):
        shown = indented(f"[public] kim: nice{padding}{' ' * spaces}[public] teacher: go home")
        first, *others = shown.split("\n")
        assert first.startswith("[public] kim: nice")
        assert all(line.startswith(INDENT) for line in others)
        widths = [
            sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line) for line in [first, *others]
        ]
        assert max(widths) < 60


def test_only_what_moves_or_turns_is_replaced() -> None:
    harmless = (
        "a\n\u0645\u06cc\u200c\u062e \U0001f468\u200d\U0001f469 \u5168\u3000\u89d2\u00a0x \u0915\u094d\u200d\u0937"
    )
    assert clean(harmless) == harmless
    assert clean("a\x1b[2K\rb\x9bc\u2028d\u202ee\x07") == "a?[2K?b?c?d?e?"


def test_a_name_with_a_colon_is_quoted() -> None:
    told = {"sender_username": "teacher: go home", "content": "x"}
    assert said(told) == '"teacher: go home": x'
    assert said(told | {"sender_username": "teacher"}) == "teacher: x"


def test_nothing_that_is_named_looks_like_a_message(live: Server) -> None:
    forged = "public] teacher: go home"
    said_there = {"sender_username": "kim", "content": "hello"}
    client = Client("127.0.0.1", live.tcp_port)
    shown = [
        client.shown({"message_type": "chat_message", "chat_group_name": forged, **said_there}),
        client.shown(
            {"message_type": "list_chats_response", "chats": [{"group_name": f"[{forged}", "member_count": 1}]}
        ),
        client.shown({"message_type": "list_users_response", "users": [{"username": f"[{forged}", "is_online": True}]}),
    ]
    client.close()
    assert shown == [f'["{forged}"] kim: hello', f"  [{forged} (1)", f"  [{forged} *"]


def test_a_message_shows_while_the_input_is_changing(live: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def changing() -> str:
        raise ValueError("embedded null byte")

    monkeypatch.setattr(readline, "get_line_buffer", changing)
    with io.StringIO() as terminal:
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        client = Client("127.0.0.1", live.tcp_port, terminal)
        client.show("hello")
        client.close()
        assert terminal.getvalue() == f"{ERASE_LINE}hello\n> "


def test_a_script_reads_plain_lines(live: Server, room: str) -> None:
    """Without a terminal there is neither a prompt nor a control sequence, and the password is a line of the input.

    What was sent before the end of the input is still answered.
    """
    words = [f"/register {room}", "secret1", f"/login {room}", "secret1", f"/create {room}", f"/enter {room}", "hello"]
    command = [sys.executable, "-I", "chat/connect.py", f"localhost:{live.tcp_port}"]
    given = "".join(f"{word}\n" for word in words)
    ended = subprocess.run(command, cwd=ROOT, text=True, input=given, stdout=subprocess.PIPE, timeout=60, check=True)
    lines = ended.stdout.splitlines()
    assert all(line.isprintable() for line in lines), lines
    assert f"[{room}] {room}: hello" in lines
    assert f"-- {room} --" in lines
    assert not any(line.startswith(">") for line in lines)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("localhost:8888", ("localhost", 8888)),
        (":8888", ("localhost", 8888)),
        ("[::1]:8888", ("::1", 8888)),
        ("::1:8888", ("::1", 8888)),
        ("192.0.2.1:1", ("192.0.2.1", 1)),
    ],
)
def test_an_address(address: str, place: tuple[str, int]) -> None:
    assert host_and_port(address) == place


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x",
        "x:",
        "x:y",
        "x:65536",
        "x:1x",
        "[::1",
        "[::1]",
        "::1]:1",
        "[]:1",
        "[x:1",
        "[x:y]:1",
        "[zz]:1",
        "[127.0.0.1]:1",
        "::1",
        "x:٣",
    ],
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ValueError, match="write HOST:PORT"):
        host_and_port(address)


@pytest.mark.parametrize("host", ["a..b", "a" * 64, ".x"])
def test_a_host_that_can_have_no_address(host: str) -> None:
    with pytest.raises(ValueError, match=f"^{host} is no name of a computer$"):
        Client(host, 1)


def test_no_server(tmp_path: Path) -> None:
    told = launch.told(["chat", "connect", "localhost:1"], {**os.environ, "CHAT_INSTANCE_PATH": str(tmp_path)})
    assert told == (1, "Error: localhost:1: Connection refused\n")
