"""What the documents show is what happens: their transcripts are replayed, their example is run."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from flask import Flask

from chat.protocols.polling import PREFIXES
from tests.server import ROOT, Server

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def transcript(document: str) -> list[tuple[str, str]]:
    """The commands of a document's console blocks, each with what it prints."""
    blocks = re.findall(r"^```console\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"), re.M | re.S)
    found = []
    for step in re.split(r"^\$ ", "".join(blocks), flags=re.M)[1:]:
        command, _, output = step.partition("\n")
        found.append((command, output.strip()))
    return found


@pytest.mark.parametrize("document", ["README.md", "README.zh-CN.md", "docs/protocols/polling.md"])
def test_transcripts(server: Callable[..., Server], tmp_path: Path, document: str) -> None:
    steps = transcript(document)
    assert len(steps) >= (10 if document.startswith("README") else 3)
    live = server()
    for command, expected in steps:
        done = subprocess.run(
            ["bash", "-c", command.replace("http://localhost:8000", live.url)],
            cwd=tmp_path, capture_output=True, text=True, timeout=40, check=True,
        )  # fmt: skip
        printed = TIME.sub("<time>", done.stdout.strip())
        assert printed == TIME.sub("<time>", expected), command


def test_the_example_client(server: Callable[..., Server], tmp_path: Path) -> None:
    text = (ROOT / "docs/protocols/polling.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    live = server()
    (tmp_path / "client.py").write_text(example.replace("http://localhost:8000", live.url), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "client.py", "robot", "secret1", "public"],
        cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write("hello from the example\n")
        process.stdin.flush()
        assert process.stdout.readline() == "robot: hello from the example\n"
        person = requests.Session()
        person.post(f"{live.url}/user/register", json={"username": "alice", "password": "secret1"}, timeout=30)
        message = {"type": "text", "content": "I can see you"}
        person.post(f"{live.url}/chat/send", json={"roomname": "public", "new_message": message}, timeout=30)
        assert process.stdout.readline() == "alice: I can see you\n"
    finally:
        process.kill()
        process.communicate()


def test_every_route_is_in_the_document(app: Flask) -> None:
    text = (ROOT / "docs/protocols/polling.md").read_text(encoding="utf-8")
    routes = [rule.rule for rule in app.url_map.iter_rules() if rule.rule.split("/")[1] in PREFIXES]
    assert len(routes) == 13
    for route in routes:
        assert f"`{route}" in text, route
