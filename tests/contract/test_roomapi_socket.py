"""roomapi's WebSockets (docs/protocols/roomapi.md; docs/specification.md, "roomapi", "Sessions"), over
real gunicorn.
"""

import base64
import json
import time
from typing import Any
from urllib.parse import quote

import pytest
import websocket

from tests.contract.clients import Caller, HttpTransport, PollingClient
from tests.contract.conftest import MakeMember
from tests.contract.realtime_client import Closed, RoomSocket, unique
from tests.contract.roomapi_client import MESSAGE_KEYS, local_time
from tests.contract.roomapi_socket import (
    DOCUMENTED,
    GREETING,
    PUBLISHED,
    Member,
    assert_refused,
    heard,
    text,
)
from tests.pictures import noise, picture
from tests.real_server import wait_until


@pytest.fixture
def alice(member: MakeMember) -> Member:
    return member("alice")


@pytest.fixture
def bob(member: MakeMember) -> Member:
    return member("bob")


def refusal(url: str, path: str, **options: Any) -> tuple[int, Any]:
    """Status and JSON of a handshake that is refused."""
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        RoomSocket(url, path=path, **options)
    return int(refused.value.status_code), json.loads(refused.value.resp_body or b"")


# Handshakes


def test_the_documented_address_greets_and_the_published_one_says_nothing(alice: Member) -> None:
    greeted = RoomSocket(alice.url, path=DOCUMENTED, header={"Authorization": alice.token})
    assert greeted.until_quiet(1) == [GREETING]
    quiet = RoomSocket(alice.url, path=PUBLISHED, header={"Authorization": alice.token})
    assert quiet.until_quiet(1) == []
    for each in (greeted, quiet):
        each.close()


@pytest.mark.parametrize("path", [DOCUMENTED, PUBLISHED])
@pytest.mark.parametrize("form", ["{}", "Bearer {}"])
def test_the_token_in_the_header_and_in_the_query(alice: Member, path: str, form: str) -> None:
    given = form.format(alice.token)
    room = alice.make()
    sockets = [
        alice.connect(path, given),
        alice.connect(f"{path}?token={quote(given)}", header={}),
        alice.connect(f"{path}/?token={given.replace(' ', '+')}&x=1", header={}),
    ]
    for socket in sockets:
        socket.send(text(room, "in"))
        assert [heard(each, 1) for each in sockets] == [["in"]] * 3


@pytest.mark.parametrize("path", [DOCUMENTED, PUBLISHED])
def test_without_a_valid_token_the_handshake_is_a_401(alice: Member, path: str) -> None:
    for query in ("", "?token=", "?token=nonsense", "?token=Bearer%20x.y.z", "?Token=" + alice.token, "?token=%00"):
        status, answer = refusal(alice.url, path + query)
        assert status == 401, query
        assert_refused(answer, "未登录")
    # Where the header is present, it alone decides.
    status, _ = refusal(alice.url, f"{path}?token={alice.token}", header={"Authorization": "nonsense"})
    assert status == 401


def test_a_token_that_was_logged_out_or_is_a_room_ticket(alice: Member) -> None:
    ticket = alice.call("GET", "/Room/1").json["token"]
    assert refusal(alice.url, f"{DOCUMENTED}?token={ticket}")[0] == 401
    assert alice.call("POST", "/user/logout", {}).status == 200
    assert refusal(alice.url, f"{DOCUMENTED}?token={alice.token}")[0] == 401


@pytest.mark.parametrize("path", [DOCUMENTED, PUBLISHED])
def test_a_foreign_origin_is_refused_with_the_cookie_and_let_in_with_a_token(alice: Member, path: str) -> None:
    polling = PollingClient(HttpTransport(alice.url))
    login = polling.call("POST", "/user/login", {"username": alice.username, "password": "secret1"})
    cookie = login.headers["Set-Cookie"].split(";")[0]
    status, answer = refusal(alice.url, path, origin="https://evil.example", cookie=cookie)
    assert status == 403
    assert_refused(answer, "https://evil.example")
    alice.connect(path, header={}, cookie=cookie, origin=alice.url)  # the page's own
    alice.connect(path, origin="https://evil.example")
    alice.connect(f"{path}?token={alice.token}", header={}, origin="https://evil.example")
    alice.connect(f"{path}?token={alice.token}", header={}, origin="https://evil.example", cookie=cookie)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Sec-WebSocket-Version": "8"}, 426), ({"Sec-WebSocket-Key": "short"}, 400), ({"Sec-WebSocket-Key": ""}, 400)],
)
def test_bad_handshakes_get_the_envelope(alice: Member, headers: dict[str, str], status: int) -> None:
    good = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    reply = alice.call("GET", DOCUMENTED, None, **(good | headers))
    assert reply.status == status
    assert_refused(reply.json, "WebSocket")


# Pushes


def test_a_message_as_documented(alice: Member, bob: Member) -> None:
    room = alice.make(bob)
    speaker, listener = alice.connect(), bob.connect()
    speaker.send({"room_id": room, "type": "text", "content": "hello"})
    frame = listener.next()
    data = frame["data"]
    assert frame == {"code": 0, "msg": "新消息", "data": data}
    assert data == {
        "ID": data["ID"],
        "send_time": data["send_time"],
        "room_id": room,
        "sender_id": data["sender_id"],
        "sender_name": alice.username,
        "type": "text",
        "content": "hello",
    }
    assert abs(local_time(data["send_time"]) - time.time()) < 60
    assert speaker.next() == frame  # the sender gets their own
    assert speaker.until_quiet() == listener.until_quiet() == []  # once
    assert bob.ok("POST", "/api/message/list", {"room_id": room}) == [data]


def test_all_rooms_of_the_user_are_pushed_and_no_others(alice: Member, bob: Member) -> None:
    both = [alice.make(bob) for _ in range(3)]
    without_bob = alice.make()
    speaker, listener = alice.connect(PUBLISHED), bob.connect(PUBLISHED)
    for room in (*both, without_bob):
        speaker.send(text(room, f"in {room}"))
    assert heard(speaker, 4) == [f"in {room}" for room in (*both, without_bob)]
    assert sorted(heard(listener, 3)) == sorted(f"in {room}" for room in both)


def test_messages_keep_their_order_from_all_protocols(alice: Member, bob: Member) -> None:
    polling = PollingClient(HttpTransport(alice.url))
    polling.register(unique("polling"))
    room = alice.make(bob)
    alice.add(room, polling)
    name = next(each for each in polling.rooms() if each != "public")
    speaker, listener = alice.connect(), bob.connect()
    for number in range(15):
        speaker.send(text(room, f"socket {number}"))
        alice.post(room, f"post {number}")
        polling.say(name, f"polling {number}")
    heard_by_bob = heard(listener, 45)  # so the socket's frames, which nobody acknowledges, are all handled
    stored = alice.stored(room)
    assert len(stored) == 45
    assert heard_by_bob == heard(speaker, 45) == stored
    for kind in ("socket", "post", "polling"):
        assert [each for each in stored if each.startswith(kind)] == [f"{kind} {number}" for number in range(15)]


def test_the_second_socket_of_a_user_gets_all_too(alice: Member) -> None:
    room = alice.make()
    phone, laptop = alice.connect(), alice.connect(PUBLISHED)
    phone.send(text(room, "from the phone"))
    laptop.send(text(room, "from the laptop"))
    assert sorted(heard(phone, 2)) == sorted(heard(laptop, 2)) == ["from the laptop", "from the phone"]
    phone.close()
    laptop.send(text(room, "alone"))
    assert heard(laptop, 1) == ["alone"]


def test_earlier_messages_are_not_sent_again(alice: Member) -> None:
    room = alice.make()
    alice.post(room, "before")
    socket = alice.connect()
    alice.post(room, "after")
    assert heard(socket, 1) == ["after"]


def test_a_room_that_one_is_added_to_is_pushed_from_then_on(alice: Member, bob: Member) -> None:
    room = alice.make()
    listener = bob.connect()
    alice.post(room, "before")
    alice.add(room, bob)
    alice.post(room, "after")
    assert heard(listener, 1) == ["after"]
    listener.send(text(room, "I am in"))
    assert heard(listener, 1) == ["I am in"]


def test_a_room_that_is_left_or_deleted_is_pushed_no_more(alice: Member, bob: Member) -> None:
    left, deleted, kept = (alice.make(bob) for _ in range(3))
    name = alice.ok("GET", "/api/room/list")[1]["name"]
    listener = bob.connect()
    assert bob.call("POST", "/room/leave", {"roomname": name}).status == 200
    alice.post(left, "secret")
    alice.ok("DELETE", f"/api/room/delete?room_id={deleted}")
    for room in (left, deleted):
        listener.send(text(room, "still there?"))
        assert_refused(listener.next(), "聊天室不存在")
    alice.post(kept, "here")
    assert heard(listener, 1) == ["here"]  # the socket stays
    assert alice.stored(left) == ["secret"]


@pytest.mark.parametrize("how", ["remove", "bar"])
def test_a_member_put_out_while_the_socket_waits_hears_and_says_no_more(alice: Member, bob: Member, how: str) -> None:
    room, kept = alice.make(bob), alice.make(bob)
    name = next(each["name"] for each in alice.ok("GET", "/api/room/list") if each["ID"] == room)
    listener = bob.connect()
    about = {"roomname": name, "user": bob.username, **({"barred": True} if how == "bar" else {})}
    assert alice.call("POST", f"/room/{how}", about).status == 200
    alice.post(room, "secret")
    listener.send(text(room, "still there?"))
    assert_refused(listener.next(), "聊天室不存在")
    alice.post(kept, "here")
    assert heard(listener, 1) == ["here"]
    assert alice.stored(room) == ["secret"]


def test_a_room_archived_while_the_socket_waits_says_so_to_senders(alice: Member, bob: Member) -> None:
    room, kept = alice.make(bob), alice.make(bob)
    name = next(each["name"] for each in alice.ok("GET", "/api/room/list") if each["ID"] == room)
    listener = bob.connect()
    alice.post(room, "the last word")
    assert heard(listener, 1) == ["the last word"]
    assert alice.call("POST", "/room/settings", {"roomname": name, "archived": True}).status == 200
    listener.send(text(room, "one more"))
    assert_refused(listener.next(), "聊天室已归档，不能再发言")
    alice.post(kept, "here")
    assert heard(listener, 1) == ["here"]
    assert alice.call("POST", "/room/settings", {"roomname": name, "archived": False}).status == 200
    listener.send(text(room, "open again"))
    assert heard(listener, 1) == ["open again"]


def test_a_picture_is_pushed_as_a_url_that_loads_without_headers(alice: Member, bob: Member) -> None:
    room = alice.make(bob)
    speaker, listener = alice.connect(), bob.connect(PUBLISHED)
    prefixes = ("", "data:image/png;base64,")
    for prefix, data in zip(prefixes, (picture("PNG"), noise(20_000)), strict=True):
        speaker.send({"room_id": room, "type": "image", "content": prefix + base64.b64encode(data).decode()})
        shown = listener.next()
        assert (shown["code"], shown["data"]["type"], set(shown["data"])) == (0, "image", MESSAGE_KEYS)
        path = shown["data"]["content"]  # the published client puts the server's address in front itself
        assert path.startswith("/attachments/")
        shown["data"]["content"] = url = alice.url + path
        assert speaker.next() == shown
        assert Caller(HttpTransport(alice.url)).call("GET", url.removeprefix(alice.url)).body == data


# The end


def test_logging_out_closes_the_sockets_of_that_session_only(alice: Member) -> None:
    first, second = alice.connect(), alice.connect(PUBLISHED)
    token = alice.token
    alice.login(alice.username)
    other = alice.connect()
    assert alice.call("POST", "/user/logout", {}, Authorization=token).status == 200
    for socket in (first, second):
        with pytest.raises(Closed) as closed:
            socket.next(5)
        assert closed.value.code == 1008
    room = alice.make()
    other.send(text(room, "still in"))
    assert heard(other, 1) == ["still in"]


def test_a_user_with_a_socket_is_online(alice: Member, bob: Member) -> None:
    room = alice.make(bob)
    alice.connect()
    name = next(each["name"] for each in bob.ok("GET", "/api/room/list") if each["ID"] == room)

    def online() -> bool:
        found = bob.call("GET", f"/room/members?roomname={quote(name)}").json["members"]
        return bool(next(each["online"] for each in found if each["user"] == alice.username))

    wait_until(online, "alice is online")
    alice.call("POST", "/user/logout", {})
    wait_until(lambda: not online(), "alice is gone")


def test_broken_framing_closes_that_socket_only(alice: Member, bob: Member) -> None:
    room = alice.make(bob)
    broken, other = alice.connect(), bob.connect()
    broken.raw.send(b"\xff\xfe", websocket.ABNF.OPCODE_TEXT)  # no UTF-8
    with pytest.raises(Closed) as closed:
        broken.next()
    assert closed.value.code == 1007
    other.send(text(room, "undisturbed"))
    assert heard(other, 1) == ["undisturbed"]
