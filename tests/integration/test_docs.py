"""Documentation is correct: transcripts are replayed, examples are run."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from flask import Flask

from chat.http.openapi import documents
from tests.e2e.teaching_pictures import PICTURES
from tests.real_server import ROOT, Server

TIME = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{6}(?:Z|[+-]\d\d:\d\d))?"
TOKEN = r"\b[0-9a-f]{40}\b|\beyJ[\w-]+\.[\w-]+\.[\w-]+"
SECONDS = r"\b\d{10}\.\d+"  # since 1970
CHANCE = re.compile(f"{TIME}|{TOKEN}|{SECONDS}")
PROTOCOLS = [path.stem for path in sorted((ROOT / "docs/protocols").glob("*.md")) if "." not in path.stem]
GUIDES = [f"docs/protocols/{name}.md" for name in PROTOCOLS]


def transcript(document: str) -> list[tuple[str, str]]:
    """Yield the commands of a document's console blocks, each with its output."""
    blocks = re.findall(r"^```console\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"), re.M | re.S)
    found = []
    for step in re.split(r"^\$ ", "".join(blocks), flags=re.M)[1:]:
        command, _, output = step.partition("\n")
        found.append((command, output.strip()))
    return found


def at(live: Server, text: str) -> str:
    """The text with the server's own addresses."""
    return text.replace("http://localhost:8000", live.url).replace("localhost/8888", f"localhost/{live.tcp_port}")


TEACHING = {name: (ROOT / f"docs/{name}.md").read_text(encoding="utf-8") for name in ("teaching", "teaching.zh-CN")}
PICTURE_MAX_BYTES = 60_000


@pytest.mark.parametrize("document", ["README.md", "README.zh-CN.md", *GUIDES])
def test_transcripts(server: Callable[..., Server], tmp_path: Path, document: str) -> None:
    steps = transcript(document)
    assert len(steps) >= (10 if document.startswith("README") else 3)
    live = server()
    for command, expected in steps:
        done = subprocess.run(
            ["bash", "-c", at(live, command)],
            cwd=tmp_path, capture_output=True, text=True, timeout=40, check=True,
        )  # fmt: skip
        printed = CHANCE.sub("…", done.stdout.strip())
        assert printed == CHANCE.sub("…", expected), command


@pytest.mark.parametrize(
    ("guide", "room", "own_line"),
    [
        ("polling", "public", "robot: hello from the example"),
        ("realtime", "1", "me: hello from the example"),
        ("roomapi", "1", "robot: hello from the example"),
    ],
)
def test_the_example_clients(
    server: Callable[..., Server], tmp_path: Path, guide: str, room: str, own_line: str
) -> None:
    text = (ROOT / f"docs/protocols/{guide}.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    live = server(CHAT_RATE_LIMITS="off")
    (tmp_path / "client.py").write_text(example.replace("http://localhost:8000", live.url), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "client.py", "robot", "secret1", room],
        cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write("hello from the example\n")
        process.stdin.flush()
        assert process.stdout.readline() == own_line + "\n"
        say_by_polling(live, "I can see you\nbob: go\r\x1b[1Abob: home\u2028bob: now")
        shown = [process.stdout.readline() for _ in range(4)]
        assert shown == ["alice: I can see you\n", "    bob: go\n", "    [1Abob: home\n", "    bob: now\n"]
        if guide != "polling":
            missed = [f"missed {number}" for number in range(130)] if guide == "roomapi" else []
            process.send_signal(signal.SIGSTOP)  # so that it is not back before these are sent
            live.stop()
            live.start()
            say_by_polling(live, *missed)
            process.send_signal(signal.SIGCONT)
            for text in missed:
                assert process.stdout.readline() == f"alice: {text}\n"
            process.stdin.write("still here\n")
            process.stdin.flush()
            assert process.stdout.readline() == own_line.replace("hello from the example", "still here") + "\n"
            say_by_polling(live, "so you are")
            assert process.stdout.readline() == "alice: so you are\n"
    finally:
        process.kill()
        process.communicate()


def say_by_polling(live: Server, *texts: str) -> None:
    person = requests.Session()
    credentials = {"username": "alice", "password": "secret1"}
    person.post(f"{live.url}/user/register", json=credentials, timeout=30)
    person.post(f"{live.url}/user/login", json=credentials, timeout=30)
    for text in texts:
        body = {"roomname": "public", "new_message": {"type": "text", "content": text}}
        assert person.post(f"{live.url}/chat/send", json=body, timeout=30).status_code == 200


def test_every_route_is_in_its_guide(app: Flask) -> None:
    for name, document in documents(app).items():
        text = (ROOT / f"docs/protocols/{name}.md").read_text(encoding="utf-8")
        assert len(document.json["paths"]) > 5
        for path in document.json["paths"]:
            assert re.search(f"`([A-Z]+ )?{re.escape(path)}", text), path


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("headings", r"^(#+) "),
        ("settings", r"^\| `([A-Z_]+)` \|"),
        ("defaults that are numbers", r"^\| (`[A-Z_]+` \| [\d.]+) \|"),
        ("what the transcript asks for", r"localhost:8000(/\w+/\w+)"),
        (
            "commands to type",
            r"`((?:[A-Z_]+=\d )?(?:make|\.venv/bin/flask) [^`\n]*?)(?: USERNAME| 用户名|`)",
        ),
        ("links", r"\]\((?!README)([^)]*\.\w+)\)"),
    ],
)
def test_both_readmes_say_the_same(what: str, pattern: str) -> None:
    english, chinese = (
        sorted(re.findall(pattern, (ROOT / name).read_text(encoding="utf-8").replace(".zh-CN.md", ".md"), re.M))
        for name in ("README.md", "README.zh-CN.md")
    )
    assert english
    assert english == chinese, what


def test_the_teachers_guide_has_the_pictures_that_are_taken() -> None:
    for (name, text), suffix in zip(TEACHING.items(), (".png", ".zh.png"), strict=True):
        shown = re.findall(r"^!\[.+\]\(teaching/(.+)\)$", text, re.M)
        assert shown == [f"{picture}{suffix}" for picture in PICTURES], name
    files = {path.name: path.stat().st_size for path in (ROOT / "docs/teaching").iterdir()}
    assert sorted(files) == sorted(f"{picture}{suffix}" for picture in PICTURES for suffix in (".png", ".zh.png"))
    assert max(files.values()) < PICTURE_MAX_BYTES


@pytest.mark.parametrize(
    "pattern",
    [r"^(#+) ", r"^(```\w*\n(?:.*\n)*?```)$", r"^(- |\d\. |\| |!)"],
    ids=["headings", "commands", "lists, tables and pictures"],
)
def test_the_teachers_guide_says_the_same_in_both_languages(pattern: str) -> None:
    english, chinese = (re.findall(pattern, text, re.M) for text in TEACHING.values())
    assert english
    assert english == chinese


def test_the_teachers_guide_names_the_texts_of_the_page() -> None:
    scripts = (path.read_text(encoding="utf-8") for path in (ROOT / "chat/web/static/js/lib").glob("*strings.js"))
    texts = set(re.findall(r'\[\s*"([^"]+)",\s*"([^"]+)",?\s*\]', "".join(scripts)))
    english, chinese = (re.findall(r"\*\*(.+?)\*\*", text) for text in TEACHING.values())
    assert len(english) > 40
    assert not set(zip(english[1:], chinese[1:], strict=True)) - texts - {("…", "…"), ("+", "+")}  # the first: "bold"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_protocol_guides_say_the_same_in_both_languages(name: str) -> None:
    texts = [(ROOT / f"docs/protocols/{name}{suffix}.md").read_text(encoding="utf-8") for suffix in ("", ".zh-CN")]
    blocks, chinese_blocks = (re.findall(r"^```.*?^```$", text, re.M | re.S) for text in texts)
    assert blocks
    assert blocks == chinese_blocks
    prose = [re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S) for text in texts]
    for what in (
        r"^#+ ",
        r"^(?:- |\d\. |\| (?:`[^|]*` \|)?)",
    ):  # headings; lists and tables, with what each row is about
        english, chinese = (re.findall(what, text, re.M) for text in prose)
        assert english == chinese
    codes, chinese_codes = (set(re.findall(r"`[^`\n]+`", text)) for text in prose)
    assert codes == chinese_codes
