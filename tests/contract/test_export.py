"""/room/export, and `flask chat export`."""

import contextlib
import csv
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from chat.models import MessageType, StoredMessage
from chat.services import export as export_module
from chat.services.export_html import Words
from chat.services.export_names import attachment_path, file_stem
from tests.conftest import services_of
from tests.contract.clients import HttpTransport, PollingClient
from tests.contract.conftest import Clients
from tests.pictures import picture
from tests.real_server import Server

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)> \"q\" & 'a'"


def archive_of(who: PollingClient, room: str = "club") -> zipfile.ZipFile:
    reply = who.call("GET", f"/room/export?roomname={room}")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/zip"), reply.body
    archive = zipfile.ZipFile(io.BytesIO(reply.body))
    assert archive.testzip() is None
    return archive


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))


@pytest.fixture
def alice(client: Clients) -> PollingClient:
    made = client("alice")
    made.create_room("club")
    return made


def test_everything_is_in_the_archive(alice: PollingClient, client: Clients) -> None:
    bob = client("bob")
    bob.join("club")
    bob.say("club", "物理 作业")
    bob.say("club", "gone")
    alice.show("club", picture())
    ids = [each["id"] for each in alice.ok("GET", "/chat/history?roomname=club&detail=1")["messages"]]
    alice.ok("POST", "/chat/delete", {"roomname": "club", "id": ids[1]})
    alice.ok("POST", "/chat/react", {"roomname": "club", "id": ids[0], "emoji": "👍", "on": True})
    archive = archive_of(alice)
    image = f"attachments/{ids[2]}.png"
    assert archive.namelist() == [
        *("messages.html", "messages.json", "messages.csv", "members.csv", "audit.csv"),
        image,
    ]
    found = json.loads(archive.read("messages.json"))
    assert (found["format"], found["version"], found["room"]["name"]) == ("commonroom-room", 1, "club")
    assert [message["content"] for message in found["messages"]] == ["物理 作业", ""]
    assert found["messages"][0]["reactions"] == {"👍": ["alice"]}
    assert found["messages"][1]["attachment"]["path"] == image
    assert archive.read(image).startswith(b"\x89PNG")
    assert [row["content"] for row in rows(archive, "messages.csv")] == ["物理 作业", ""]
    assert [(row["user"], row["role"]) for row in rows(archive, "members.csv")] == [
        ("alice", "owner"),
        ("bob", "member"),
    ]
    assert [row["action"] for row in rows(archive, "audit.csv")] == ["message_deleted"]
    page = archive.read("messages.html").decode()
    assert "物理 作业" in page
    assert f'<img src="{image}"' in page
    assert "gone" not in page


def test_the_page_has_no_markup_of_others_and_no_scripts(alice: PollingClient) -> None:
    alice.ok("POST", "/room/create", {"roomname": '<b>&"x"</b>', "type": "public"})
    alice.say("club", EVIL)
    alice.say("club", f"```html\n{EVIL}\n```\nafter")
    page = archive_of(alice).read("messages.html").decode()
    assert "<script" not in page
    assert "onerror=alert(2)&gt;" in page
    assert page.count("&lt;script&gt;") == 2
    assert "<pre><code>&lt;script" in page
    assert "http://" not in page
    assert "https://" not in page


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "\tx=1", "\rx", "＝1", "＋1"])
def test_cells_are_no_formulas(alice: PollingClient, text: str) -> None:
    alice.say("club", text)
    assert rows(archive_of(alice), "messages.csv")[0]["content"] == f"'{text}"


def test_only_the_owner_and_teachers_export(app: Flask, alice: PollingClient, client: Clients) -> None:
    bob, carol = client("bob"), client("carol")
    bob.join("club")
    assert bob.call("GET", "/room/export?roomname=club").status == 403
    assert carol.call("GET", "/room/export?roomname=club").status == 404
    assert carol.call("GET", "/room/export?roomname=public").status == 403
    assert client().call("GET", "/room/export?roomname=club").status == 401
    for meant, status in ((bob, 401), (alice, 200)):
        user_id = meant.ok("GET", "/user/me")["id"]
        assert alice.call("GET", f"/room/export?roomname=club&chat_user={user_id}").status == status
    assert alice.call("GET", "/room/export").status == 400
    services_of(app).teachers.appoint(None, "carol", is_teacher=True)
    assert archive_of(carol).namelist()
    assert archive_of(carol, "public").namelist()


def test_a_slow_reader_holds_no_transaction(app: Flask, alice: PollingClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_module, "BATCH", 3)
    for number in range(10):
        alice.say("club", f"said {number}")
    services = services_of(app)
    (room,) = services.export.rooms("club")
    opened, read = set(), services.store.read

    @contextlib.contextmanager
    def counted() -> Iterator[Any]:
        with read() as connection:
            opened.add(threading.get_ident())
            yield connection
            opened.discard(threading.get_ident())

    monkeypatch.setattr(services.store, "read", counted)
    pieces = []
    for piece in services.export.pieces(room, None, Words()):
        pieces.append(piece)
        assert threading.get_ident() not in opened
        if len(pieces) == 2:
            alice.say("club", "later than the export")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    said = [message["content"] for message in json.loads(archive.read("messages.json"))["messages"]]
    assert said == [f"said {number}" for number in range(10)]
    assert len(pieces) > 10


def test_names_of_attachments_are_safe_everywhere() -> None:
    message = StoredMessage(1, 1, 1, 1, "", "", "", MessageType.FILE, "", "name", 1, None, None)
    for filename, expected in {
        "../../etc/passwd": "attachments/1-_.._etc_passwd",
        "C:\\con.txt": "attachments/1-C_con.txt",
        'a<b>:"|?*.pdf': "attachments/1-a_b_.pdf",
        "作业 1.docx": "attachments/1-作业 1.docx",
        "dots...": "attachments/1-dots",
        "x" * 300 + ".txt": f"attachments/1-{'x' * 80}.txt",
        "": "attachments/1",
    }.items():
        assert attachment_path(replace(message, filename=filename), "") == expected
    assert file_stem(" .. ") == ""


def test_the_command_writes_files(app: Flask, alice: PollingClient, tmp_path: Path) -> None:
    alice.say("club", "hello")
    run = app.test_cli_runner().invoke
    result = run(args=["chat", "export", "club", "--to", str(tmp_path)])
    (path,) = tmp_path.glob("club-*.zip")
    assert result.output.strip() == str(path)
    assert b"hello" in zipfile.ZipFile(path).read("messages.html")
    run(args=["chat", "export", "--all", "--to", str(tmp_path)])
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["club-2.zip", "public-1.zip"]
    assert "There is no room" in run(args=["chat", "export", "nowhere"]).output
    assert run(args=["chat", "export"]).exit_code == 2


def test_a_real_server_sends_it_in_chunks(server: Callable[[], Server]) -> None:
    transport = HttpTransport(server().url)
    alice = PollingClient(transport)
    alice.register("exporter")
    alice.create_room("exported")
    alice.say("exported", "hello")
    reply = alice.call("GET", "/room/export?roomname=exported")
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in reply.headers
    assert b"hello" in zipfile.ZipFile(io.BytesIO(reply.body)).read("messages.html")
    assert alice.ok("GET", "/user/me")["username"] == "exporter"  # on the same connection
    transport.close()
