"""The guide's example is run as it is written there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from chat.protocols.tcp.routes import REQUESTS
from tests.real_server import ROOT, Server
from tests.tcp.conftest import Connect, create

GUIDE = (ROOT / "docs/protocols/tcp.md").read_text(encoding="utf-8")


def test_the_example(live: Server, connect: Connect, room: str, tmp_path: Path) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", GUIDE, re.M | re.S)
    assert len(example.splitlines()) < 40
    (tmp_path / "client.py").write_text(example.replace("8888", str(live.tcp_port)), encoding="utf-8")
    robot, alice = connect("robot"), connect("alice")
    create(alice, room)
    process = subprocess.Popen(
        [sys.executable, "-I", "client.py", robot.username, "secret1", room],
        cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write("hello from the example 你好\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{robot.username}: hello from the example 你好\n"
        assert alice.next()["content"] == "hello from the example 你好"
        alice.ask("chat_message", chat_group_name=room, content="I can see you\nbob: go\r\x1b[1Abob: home")
        shown = [process.stdout.readline() for _ in range(3)]
        assert shown == [f"{alice.username}: I can see you\n", "    bob: go\n", "    [1Abob: home\n"]
    finally:
        process.kill()
        process.communicate()


def test_every_request_is_in_the_guide() -> None:
    table = GUIDE.partition("## Requests and answers")[2].partition("\n\n`chat_message`")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", table, re.M)) == set(REQUESTS)
