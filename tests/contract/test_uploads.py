"""POST /chat/upload: files and pictures as forms, stored in parts as they arrive."""

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import func, select

from chat.models import Attachment, AttachmentChunk, StoredBytes
from chat.services import Services
from chat.services.attachments import Attachments, Picture
from tests.conftest import services_of, sign_up
from tests.contract.clients import FlaskTransport, PollingClient
from tests.contract.ims_client import FORM_HEADERS, ImsClient, email_of
from tests.contract.ims_client import form as ims_form
from tests.contract.roomapi_client import RoomapiClient
from tests.pictures import SECRET, laden, picture

BOUNDARY = "xXxboundaryxXx"
Parts = list[tuple[str, str | None, bytes]]
IN_PUBLIC = ("roomname", None, b"public")


def form(parts: Parts) -> bytes:
    """A form of (name, filename, content)."""
    body = b""
    for name, filename, content in parts:
        named = f'; filename="{filename}"' if filename is not None else ""
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode()
        body += content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def upload(who: PollingClient, content: bytes, filename: str = "a.pdf", **fields: str) -> Any:
    """The answer, as JSON with its HTTP status."""
    fields = {"roomname": "public"} | fields
    return post(
        who, form([*((name, None, text.encode()) for name, text in fields.items()), ("file", filename, content)])
    )


def post(who: PollingClient, body: bytes, **headers: str) -> Any:
    about = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "X-Chat-Errors": "codes"} | headers
    reply = who.call("POST", "/chat/upload", body, **about)
    return {"http": reply.status, **reply.json}


def history(who: PollingClient) -> list[Any]:
    found: list[Any] = who.ok("GET", "/chat/history?roomname=public&detail=1")["messages"]
    return found


def stored(services: Services) -> tuple[int, int, int]:
    """Attachments, chunks, and bytes that count against quotas."""
    with services.store.read() as connection:
        tables = [func.count(Attachment.id), func.count(AttachmentChunk.position)]
        counts = [connection.execute(select(each)).scalar_one() for each in tables]
        return counts[0], counts[1], connection.execute(select(func.sum(StoredBytes.bytes))).scalar() or 0


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    made: Flask = make_app(rate_limits=False)
    return made


@pytest.fixture
def alice(client: Any) -> PollingClient:
    made: PollingClient = client("alice")
    return made


def test_a_file_is_sent_with_its_name(alice: PollingClient, app: Flask) -> None:
    content = bytes(range(256)) * 3000  # with line ends, in several chunks
    sent = upload(alice, content, "报告 1.pdf")
    (message,) = history(alice)
    assert (sent["http"], sent["type"], sent["id"]) == (200, "file", message["id"])
    assert (message["type"], message["filename"], message["size"]) == ("file", "报告 1.pdf", len(content))
    assert alice.call("GET", message["content"]).body == content
    assert stored(services_of(app)) == (1, 3, len(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_picture_is_sent_as_one_without_its_metadata(alice: PollingClient, app: Flask, kind: str) -> None:
    data = laden(kind)
    assert SECRET[:11] in data
    assert upload(alice, data, "IMG_1.jpg")["type"] == "img"
    (message,) = alice.hear("public")
    assert (message.kind, SECRET[:11] in bytes(message.content)) == ("image", False)  # type: ignore[arg-type]
    attachments, chunks, used = stored(services_of(app))
    assert (attachments, chunks) == (1, 1)
    assert used <= len(data)


def test_thumbnails_are_small_upright_and_without_metadata(alice: PollingClient) -> None:
    photo = Image.new("RGB", (3000, 2000), (200, 30, 30))
    about = Image.Exif()
    about[0x0112], about[0x010F] = 6, "SECRET maker"  # turned by a quarter
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", exif=about)
    for content in (buffer.getvalue(), picture(size=(300, 200)), laden("GIF")):
        assert upload(alice, content)["type"] == "img"
    large, small, moving = alice.ok("GET", "/chat/history?roomname=public&detail=1&links=1")["messages"]
    assert [(each["width"], each["height"]) for each in (large, small)] == [(2000, 3000), (300, 200)]
    shown = alice.call("GET", large["content"] + "/thumbnail").body
    assert (Image.open(io.BytesIO(shown)).size, b"SECRET" in shown) == ((427, 640), False)
    assert b"SECRET" not in alice.call("GET", large["content"]).body
    for each in (small, moving):
        assert alice.call("GET", each["content"] + "/thumbnail").body == alice.call("GET", each["content"]).body
    assert alice.call("GET", "/attachments/none/thumbnail").status == 404
    alice.ok("POST", "/chat/delete", {"roomname": "public", "id": large["id"]})
    assert alice.call("GET", large["content"] + "/thumbnail").status == 404


def test_a_retry_is_stored_once(alice: PollingClient, app: Flask) -> None:
    for content in (b"one", picture()):
        sent = [upload(alice, content, client_message_id=f"c-{content[:3]!r}") for _ in range(2)]
        assert sent[0] == sent[1]
    late = form([("file", "a", b"one"), ("client_message_id", None, b"c-b'one'"), IN_PUBLIC])
    assert post(alice, late)["id"] == history(alice)[0]["id"]
    assert (len(history(alice)), *stored(services_of(app))[:2]) == (2, 2, 2)


def test_a_retry_is_answered_while_nobody_may_write(alice: PollingClient, app: Flask) -> None:
    sent = upload(alice, b"one", client_message_id="c-1")
    services_of(app).files.begin = None  # type: ignore[method-assign,assignment]
    assert upload(alice, b"one", client_message_id="c-1") == sent


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\dir\\\\evil.exe", "evil.exe"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("a\tb\x7f.txt", "ab.txt"),
        ("..", "file"),
        ("", "file"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("<script>.html", "<script>.html"),
    ],
)
def test_names_are_those_of_files(alice: PollingClient, given: str, shown: str) -> None:
    assert upload(alice, b"x", given)["http"] == 200
    assert history(alice)[0]["filename"] == shown


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (form([IN_PUBLIC, ("file", "a", b"")]), "FILE_EMPTY"),
        (form([("roomname", None, b"nowhere"), ("file", "a", b"x")]), "ROOM_NOT_FOUND"),
        (form([("file", "a", b"x"), ("roomname", None, b"nowhere")]), "ROOM_NOT_FOUND"),
        (form([("file", "a", b"x")]), "FIELD_MISSING"),
        (form([IN_PUBLIC]), "FIELD_MISSING"),
        (form([IN_PUBLIC, ("file", None, b"x")]), "FIELD_INVALID"),
        (form([IN_PUBLIC, ("file", "a", b"x"), ("file", "b", b"x")]), "FIELD_INVALID"),
        (form([IN_PUBLIC, IN_PUBLIC]), "FIELD_INVALID"),
        (form([("roomname", None, b"\xff"), ("file", "a", b"x")]), "FIELD_INVALID"),
        (form([("roomname", None, b"\0"), ("file", "a", b"x")]), "FIELD_INVALID"),
        (form([("roomname", None, b"r" * 20_000), ("file", "a", b"x")]), "BODY_TOO_LARGE"),
        (form([(f"f{number}", None, b"") for number in range(30)]), "BODY_TOO_LARGE"),
        (form([("client_message_id", None, b"i" * 65), ("file", "a", b"x"), IN_PUBLIC]), "MESSAGE_ID_INVALID"),
        (form([IN_PUBLIC, ("file", "a", b"x" * 100)])[:-60], "BODY_MALFORMED"),
        (b"no form", "BODY_MALFORMED"),
        (b"", "FIELD_MISSING"),
        (form([IN_PUBLIC, ("file", "a.png", picture()[:40])]), "IMAGE_INVALID"),
        (
            form([IN_PUBLIC, ("file", "a", b"\x89PNG\r\n\x1a\n" + bytes(6 << 20))]),
            "IMAGE_TOO_LARGE",
        ),
        (form([IN_PUBLIC, ("file", "a", bytes((20 << 20) + 1))]), "FILE_TOO_LARGE"),
    ],
)
def test_a_refused_upload_leaves_nothing(alice: PollingClient, app: Flask, body: bytes, code: str) -> None:
    answer = post(alice, body)
    assert (answer["code"], answer["http"] // 100) == (code, 4), answer
    assert stored(services_of(app)) == (0, 0, 0)
    assert history(alice) == []


def test_refusals_speak_of_forms_and_files(alice: PollingClient) -> None:
    bad_picture = form([IN_PUBLIC, ("file", "a.png", picture()[:40])])
    assert "Base64" not in post(alice, bad_picture)["feedback"]
    assert post(alice, b"no form")["feedback"].endswith("send multipart/form-data with the fields roomname and file.")
    in_chinese = post(alice, b"no form", **{"Accept-Language": "zh"})["feedback"]
    assert in_chinese.endswith("请以 multipart/form-data 发送 roomname 和 file 字段。")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b'Content-Disposition: form-data; name="file"; filename="caf\xe9.txt"', "not UTF-8"),
        ('Content-Disposition: form-data; name="file"; filename="报告.txt"'.encode("gbk"), "not UTF-8"),
        (b'Content-Disposition: form-data; name="\xe9"', "not UTF-8"),
        (b"Content-Type: text/plain", "header"),
    ],
)
@pytest.mark.parametrize("is_after_the_room", [True, False])
def test_a_part_that_cannot_be_read_is_told_by_its_reason(
    alice: PollingClient, header: bytes, reason: str, *, is_after_the_room: bool
) -> None:
    part = b"--%s\r\n%s\r\n\r\nx\r\n" % (BOUNDARY.encode(), header)
    room = form([IN_PUBLIC])
    body = room.removesuffix(f"--{BOUNDARY}--\r\n".encode()) + part + f"--{BOUNDARY}--\r\n".encode()
    answer = post(alice, body if is_after_the_room else part + room)
    assert (answer["code"], f"({reason})" in answer["feedback"]) == ("BODY_MALFORMED", True), answer
    cut = post(alice, form([IN_PUBLIC, ("file", "a.txt", b"x")])[:-12])
    assert "(it is not complete)" in cut["feedback"]


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "multipart/form-data; boundary=é", ""])
def test_only_forms_with_a_boundary(alice: PollingClient, kind: str) -> None:
    body = form([IN_PUBLIC, ("file", "a", b"x")])
    assert post(alice, body, **{"Content-Type": kind})["code"] == "BODY_MALFORMED"


def test_a_day_has_so_many_bytes(make_app: Any, client: Any) -> None:
    app = make_app(storage_per_day=1000)
    alice = PollingClient(FlaskTransport(app))
    alice.register("alice")
    assert upload(alice, b"x" * 300)["http"] == 200
    assert upload(alice, b"x" * 2000)["code"] == "QUOTA_USED"
    assert stored(services_of(app)) == (1, 1, 300)


@pytest.mark.parametrize("way", ["polling", "upload", "roomapi", "ims"])
def test_a_sender_removed_while_the_picture_is_prepared_is_told(
    app: Flask, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    services = services_of(app)
    owner = sign_up(services, "owner")
    clients: dict[str, Any] = {"roomapi": RoomapiClient, "ims": ImsClient}
    kim = clients.get(way, PollingClient)(FlaskTransport(app))
    kim.register("kim")
    username = email_of("kim") if way == "ims" else "kim"
    room_id = services.rooms.create(owner, "club", members=[username])
    decoded = Attachments.picture

    def removed_meanwhile(self: Attachments, given: Any) -> Picture:
        services.groups.remove(owner, room_id, username)
        return decoded(self, given)

    monkeypatch.setattr(Attachments, "picture", removed_meanwhile)
    content = base64.b64encode(picture()).decode()
    if way == "polling":
        message = {"type": "img", "content": content}
        reply = kim.call("POST", "/chat/send", {"roomname": "club", "new_message": message})
        assert (reply.status, reply.json["status"]) == (404, "failure")
    elif way == "upload":
        assert upload(kim, picture(), roomname="club")["code"] == "ROOM_NOT_FOUND"
    elif way == "roomapi":
        reply = kim.call("POST", "/api/message/send", {"room_id": room_id, "type": "image", "content": content})
        assert reply.json["code"] == 1
    else:
        body = ims_form({"conversationId": str(room_id)}, {"image": picture()})
        assert kim.call("POST", "/conversations/image", body, **FORM_HEADERS).json["code"] == 1
    assert stored(services)[0] == 0
