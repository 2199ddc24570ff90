"""Files: up and down between the lines, in pieces; broken off; as the other protocols see them."""

import io
import json
import random
import threading
import time
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
import requests
from PIL import Image

from chat.clock import SECOND, to_local
from tests.contract.clients import HttpTransport, PollingClient
from tests.contract.tcp_client import Lines
from tests.database import rows_of
from tests.pictures import SECRET, laden
from tests.processes import rss_of
from tests.raw import Talk, get
from tests.real_server import Server, wait_until
from tests.tcp.conftest import Connect, create, enter
from tests.tcp.transfers import END, START, download, quiet_upload, upload


@pytest.mark.parametrize("size", [0, 1, 128 * 1024 - 1, 128 * 1024, 128 * 1024 + 1, 1_000_003])
def test_up_and_down_byte_for_byte(connect: Connect, room: str, size: int) -> None:
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    group_id = create(alice, room, bob)
    data = random.Random(size).randbytes(size)
    file_id = upload(alice, data, "报告 1.pdf", chat_group_id=group_id)
    told = bob.next()
    assert told["message_type"] == "file_notification"
    assert "报告 1.pdf" in told["content"]
    assert (told["sender_username"], told["chat_group_id"]) == (alice.username, group_id)
    assert alice.next() == told
    assert download(bob, file_id) == ("报告 1.pdf", data)
    listed = bob.ask("file_list_request", chat_group_id=group_id)
    assert listed["chat_group_id"] == group_id
    (entry,) = listed["files"]
    assert set(entry) == {"file_id", "original_filename", "file_size", "uploader_username", "upload_time"}
    assert (entry["file_id"], entry["file_size"], entry["uploader_username"]) == (file_id, size, alice.username)
    assert carol.refused("file_download_request", file_id=file_id) == 1006
    assert carol.refused("file_list_request", chat_group_id=group_id) == 1005
    assert download(bob, str(file_id))[1] == data, "published clients send the id as text"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_picture_comes_without_metadata(connect: Connect, room: str, kind: str) -> None:
    alice, bob = connect("alice"), connect("bob")
    group_id = create(alice, room, bob)
    data = laden(kind)
    file_id = upload(alice, data, "photo", chat_group_id=group_id)
    bob.next()
    _, shown = download(bob, file_id)
    assert SECRET[:11] in data
    assert SECRET[:11] not in shown
    image = Image.open(io.BytesIO(shown))
    image.load()
    assert (image.format, image.size) == (kind, (40, 30))
    (entry,) = bob.ask("file_list_request", chat_group_id=group_id)["files"]
    assert entry["file_size"] == len(shown)


@pytest.mark.parametrize("data", [laden("JPEG")[:200], b"GIF89a", laden("PNG")[:-40] + b"x" * 300_000])
def test_a_file_that_only_begins_like_a_picture_stays_as_it_is(connect: Connect, room: str, data: bytes) -> None:
    alice = connect("alice")
    file_id = upload(alice, data, "broken", chat_group_id=create(alice, room))
    alice.next()
    assert download(alice, file_id)[1] == data


def test_in_the_group_entered_and_in_its_history(connect: Connect, room: str) -> None:
    alice = connect("alice")
    create(alice, room)
    enter(alice, room)
    upload(alice, b"x", chat_group_id=None)
    told = alice.next()
    (past,) = enter(alice, room)
    assert past == {**told, "message_type": "chat_history", "timestamp": past["timestamp"]}
    assert past["timestamp"] == to_local(int(told["timestamp"] * SECOND), ZoneInfo("Asia/Shanghai"))


def test_bytes_that_come_with_the_request_and_lines_that_come_with_the_bytes(connect: Connect, room: str) -> None:
    """A client that does not wait: the bytes are not parsed as lines, with any content."""
    alice = connect("alice")
    group_id = create(alice, room)
    data = b'{"message_type":"logout_request"}\n' * 3
    asked = {"message_type": "file_upload_request", "filename": "f", "file_size": len(data), "chat_group_id": group_id}
    after = b'{"message_type":"heartbeat"}\n' * 2
    alice.raw(json.dumps(asked).encode() + b"\n" + data + after)
    kinds = [alice.next()["message_type"] for _ in range(5)]
    kinds.remove("file_notification")  # pushed at any position; answers arrive in order
    assert kinds == ["file_upload_response", "file_upload_response", "heartbeat", "heartbeat"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"file_size": 8_000_001}, 1007),
        ({"file_size": -1}, 1008),
        ({"file_size": 1.5}, 1008),
        ({"file_size": True}, 1008),
        ({"file_size": None}, 1008),
        ({"filename": ""}, 1008),
        ({"filename": 5}, 1008),
        ({"chat_group_id": 2**80}, 1004),
        ({"chat_group_id": "x"}, 1008),
    ],
)
def test_refused_before_any_byte(connect: Connect, room: str, fields: dict[str, Any], code: int) -> None:
    alice = connect("alice")
    asked = {"filename": "f", "file_size": 1, "chat_group_id": create(alice, room), **fields}
    assert alice.refused("file_upload_request", **asked) == code
    assert alice.ask("heartbeat")["message_type"] == "heartbeat"


def test_an_upload_broken_off_leaves_nothing(live: Server, connect: Connect, room: str) -> None:
    alice = connect("alice")
    group_id = create(alice, room)
    before = _rows(live)
    for size in (10, 500_000):
        broken = connect()
        assert broken.ask("login_request", username=alice.username, password="secret1")["success"]
        broken.ask("file_upload_request", filename="f", file_size=size + 1, chat_group_id=group_id)
        broken.raw(bytes(size))
        if size > 128 * 1024:
            wait_until(lambda: _rows(live)[1] > before[1], "the first pieces are stored")
        broken.close()
    wait_until(lambda: _rows(live) == before, "nothing is left")
    assert alice.ask("file_list_request", chat_group_id=group_id)["files"] == []
    assert alice.until_quiet() == []


def test_removal_during_an_upload_is_reported(live: Server, connect: Connect, room: str) -> None:
    polling = PollingClient(HttpTransport(live.url))
    polling.register(f"p {room}")
    polling.create_room(room)
    alice = connect("alice")
    alice.ask("join_chat_request", chat_name=room)
    group_id = alice.ask("enter_chat_request", chat_name=room)["chat_group_id"]
    alice.next()
    before = _rows(live)
    alice.ask("file_upload_request", filename="f", file_size=300_000, chat_group_id=group_id)
    alice.raw(bytes(200_000))
    wait_until(lambda: _rows(live)[1] > before[1], "the first piece is stored")
    polling.delete_room(room)
    alice.raw(bytes(100_000))
    assert alice.next()["error_code"] == 1004
    assert alice.ask("heartbeat")["message_type"] == "heartbeat", "the bytes were no lines all the same"
    assert _rows(live) == before


def test_the_other_protocols_see_a_link_to_save_it_by(live: Server, connect: Connect, room: str) -> None:
    alice = connect("alice")
    group_id = create(alice, room)
    polling = PollingClient(HttpTransport(live.url))
    polling.register(f"p {room}")
    polling.join(room)
    data = random.Random(1).randbytes(700_000)
    upload(alice, data, "../../etc/<script>报告.html", chat_group_id=group_id)
    (heard,) = polling.hear(room)
    assert heard.kind == "file"
    known = polling.ok("GET", f"/chat/history?roomname={quote(room)}&detail=1")["messages"][-1]
    assert (known["filename"], known["size"]) == ("<script>报告.html", len(data))
    with requests.Session() as session:
        for _ in range(2):  # on one connection: where the first body ends is clear
            answer = session.get(live.url + str(heard.content), timeout=30)
            assert answer.content == data
            assert answer.headers["Content-Type"] == "application/octet-stream"
            kind, _, name = answer.headers["Content-Disposition"].partition(";")
            assert kind == "attachment"
            assert "filename*=UTF-8''%3Cscript%3E%E6%8A%A5%E5%91%8A.html" in name
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        again = session.get(
            live.url + str(heard.content), headers={"If-None-Match": answer.headers["ETag"]}, timeout=30
        )
        assert (again.status_code, again.content) == (304, b"")
        assert session.head(live.url + str(heard.content), timeout=30).headers["Content-Length"] == str(len(data))
        polling.transport.close()  # type: ignore[attr-defined]
    assert requests.get(f"{live.url}/attachments/{'x' * 32}", timeout=30).status_code == 404


def test_memory_and_others_while_files_go_both_ways(live: Server, connect: Connect, room: str) -> None:
    """Ten simultaneous transfers of files larger than the memory limit of each, and one user who chats."""
    alice = connect("alice")
    group_id = create(alice, room)
    size, count = 7_000_000, 10
    data = random.Random(2).randbytes(size)
    senders = []
    for _ in range(count):
        each = connect()
        assert each.ask("login_request", username=alice.username, password="secret1")["success"]
        senders.append(each)
    (pid,) = live.worker_pids()
    upload(senders[0], data, chat_group_id=group_id)  # SQLite's caches are as large as they get
    base = rss_of(pid)
    peak, trips, is_over = 0, [], threading.Event()

    def watch() -> None:
        nonlocal peak
        while not is_over.wait(0.02):
            peak = max(peak, rss_of(pid))

    def chat() -> None:
        with Lines(live.tcp_port) as bystander:
            while not is_over.wait(0.05):
                began = time.monotonic()
                bystander.ask("heartbeat")
                trips.append(time.monotonic() - began)

    ids: list[int] = []
    watchers = [threading.Thread(target=watch), threading.Thread(target=chat)]
    uploads = [threading.Thread(target=lambda c=c: ids.append(quiet_upload(c, data, group_id))) for c in senders]
    for thread in [*watchers, *uploads]:
        thread.start()
    for thread in uploads:
        thread.join(90)
    is_over.set()
    for thread in watchers:
        thread.join()
    assert len(ids) == count
    assert (peak - base) / count < 1024 * 1024, f"{(peak - base) / count / 1024:.0f} KiB for each"
    assert sorted(trips)[len(trips) // 2] < 0.1


def test_readers_that_do_not_read_cost_next_to_nothing(live: Server, connect: Connect, room: str) -> None:
    alice = connect("alice")
    group_id = create(alice, room)
    data = random.Random(3).randbytes(7_000_000)
    file_id = upload(alice, data, chat_group_id=group_id)
    alice.next()
    (pid,) = live.worker_pids()
    resident = []
    for _ in range(3):  # after the first round SQLite's caches, one for each thread, are as large as they get
        slow = [connect(receive_buffer=4096) for _ in range(10)]
        for each in slow:
            assert each.ask("login_request", username=alice.username, password="secret1")["success"]
            each.send("file_download_request", file_id=file_id)
        time.sleep(2)
        resident.append(rss_of(pid))
    assert (resident[2] - resident[0]) / 20 < 1024 * 1024
    assert alice.ask("heartbeat")["message_type"] == "heartbeat"
    slow[0].next()
    assert slow[0].take(len(START)) == START
    assert slow[0].take(len(data)) == data


def test_saving_by_a_link_goes_piece_by_piece_too(live: Server, connect: Connect, room: str) -> None:
    alice = connect("alice")
    group_id = create(alice, room)
    data = random.Random(4).randbytes(7_000_000)
    upload(alice, data, chat_group_id=group_id)
    assert alice.next()["message_type"] == "file_notification"
    polling = PollingClient(HttpTransport(live.url))
    polling.register(f"p {room}")
    polling.join(room)
    (heard,) = polling.hear(room)
    polling.transport.close()  # type: ignore[attr-defined]
    (pid,) = live.worker_pids()
    readers: list[Talk] = []
    resident = []
    for _ in range(3):  # after the first round SQLite's caches, one for each thread, are as large as they get
        for _ in range(10):
            readers.append(Talk(live, receive_buffer=4096))
            readers[-1].send(get(str(heard.content)))
        time.sleep(1)
        resident.append(rss_of(pid))
    assert (resident[2] - resident[0]) / 20 < 1024 * 1024
    assert readers[0].answer().body == data
    readers[1].reset()
    for reader in readers:
        reader.socket.close()
    assert alice.ask("heartbeat")["message_type"] == "heartbeat"


def test_messages_during_a_download_follow_it(connect: Connect, room: str) -> None:
    alice, bob = connect("alice"), connect("bob")
    group_id = create(alice, room, bob)
    file_id = upload(alice, b"\n{}\n", chat_group_id=group_id)
    bob.next()
    bob.send("file_download_request", file_id=file_id)
    bob.send("heartbeat")
    bob.next()
    alice.send("chat_message", chat_group_id=group_id, content="meanwhile")
    assert bob.take(len(START) + 4 + len(END)) == START + b"\n{}\n" + END
    assert sorted(bob.next()["message_type"] for _ in range(3)) == [
        "chat_message", "file_download_response", "heartbeat",
    ]  # fmt: skip


def _rows(live: Server) -> tuple[int, int]:
    """Return the number of attachments and chunks."""
    counted = "SELECT (SELECT count(*) FROM attachments), (SELECT count(*) FROM attachment_chunks)"
    ((files, chunks),) = rows_of(live.home, counted)
    return files, chunks
