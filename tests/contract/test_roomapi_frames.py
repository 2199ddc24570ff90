"""Frames on roomapi's WebSockets, good and bad.

See docs/protocols/roomapi.md; docs/specification.md, "roomapi", "Bad input", "Retries".
"""

import base64
import json
import time
from typing import Any

import pytest

from tests.contract.conftest import MakeMember
from tests.contract.roomapi_socket import (
    DOCUMENTED,
    PONG,
    PUBLISHED,
    Member,
    assert_refused,
    contents,
    heard,
    text,
)
from tests.pictures import picture


@pytest.fixture
def alice(member: MakeMember) -> Member:
    return member("alice")


@pytest.fixture
def bob(member: MakeMember) -> Member:
    return member("bob")


def test_ping_is_answered_as_published_clients_expect(alice: Member) -> None:
    for path in (DOCUMENTED, PUBLISHED):
        socket = alice.connect(path)
        for frame in ({"type": "ping"}, {"type": "ping", "room_id": 1, "content": "x"}, '{"type":"ping"}'):
            socket.send(frame)
            assert socket.next() == PONG
        assert socket.until_quiet() == []


BAD_FRAMES: list[tuple[Any, str]] = [  # and a word of the answer
    ("", "room_id"), ("{}", "room_id"), ("[]", "JSON"), ("null", "JSON"), ('"ping"', "JSON"), ("{", "JSON"),
    ("ping", "JSON"), ('{"type": NaN}', "JSON"), ('{"type": "\\u0000"}', "JSON"), ('{"a": "\\ud800"}', "JSON"),
    ("[" * 50_000, "JSON"), (json.dumps({"a": [[]] * 60_000}), "JSON"), ('{"type": "text"}', "room_id"),
    ({"content": None}, "content"), ({"content": 5}, "content"), ({"content": ["x"]}, "content"),
    ({"content": ""}, "为空"), ({"content": "x" * 4001}, "4000"), ({"content": "x" * 100_000}, "4000"),
    ({"room_id": None}, "room_id"), ({"room_id": True}, "room_id"), ({"room_id": 1.5}, "room_id"),
    ({"room_id": "x"}, "room_id"), ({"room_id": [1]}, "room_id"), ({"room_id": 0}, "聊天室不存在"),
    ({"room_id": -1}, "聊天室不存在"), ({"room_id": 2**64}, "聊天室不存在"),
    ({"room_id": "9" * 4000}, "聊天室不存在"),
    ({"type": "file"}, "text 或 image"), ({"type": "PING"}, "text 或 image"), ({"type": None}, "type"),
    ({"type": ["ping"]}, "type"), ({"type": {"ping": 1}}, "type"), ({"type": 5}, "type"),
    ({"type": "image"}, "图片"), ({"type": "image", "content": "aGVsbG8="}, "图片"),
    ({"client_message_id": ""}, "client_message_id"), ({"client_message_id": 5}, "client_message_id"),
    ({"client_message_id": "x" * 65}, "client_message_id"),
]  # fmt: skip


def test_bad_frames_are_refused_and_the_socket_kept(alice: Member, bob: Member) -> None:
    room = alice.make(bob)
    listener, speaker = bob.connect(), alice.connect()
    for number, (frame, word) in enumerate(BAD_FRAMES):
        speaker.send(frame if isinstance(frame, str) else text(room, "hello") | frame)
        answer = speaker.next()
        assert word in answer["msg"], (frame, answer)
        assert_refused(answer)
        speaker.send(text(room, f"still here after {number}"))
        assert contents([speaker.next(), listener.next()]) == [f"still here after {number}"] * 2
    assert listener.until_quiet() == speaker.until_quiet() == []
    assert len(alice.stored(room)) == len(BAD_FRAMES)


def test_a_room_of_others_is_not_found(alice: Member, bob: Member) -> None:
    room = alice.make()
    listener, stranger = alice.connect(), bob.connect()
    for kind, content in (("text", "let me in"), ("image", base64.b64encode(picture()).decode())):
        stranger.send({"room_id": room, "type": kind, "content": content})
        assert stranger.next() == {"code": 1, "msg": "聊天室不存在", "data": None}
    assert listener.until_quiet() == []
    assert alice.stored(room) == []


def test_sender_and_time_sent_by_clients_are_ignored(alice: Member) -> None:
    room = alice.make()
    socket = alice.connect()
    socket.send(text(room, "x", sender_id=1, sender_name="mallory", send_time="1999-01-01 00:00:00", ID=1))
    data = socket.next()["data"]
    assert data["sender_name"] == alice.username
    assert data["send_time"] > "2020"


def test_the_longest_and_unusual_texts_arrive_unchanged(alice: Member, bob: Member) -> None:
    room = alice.make(bob)
    listener, speaker = bob.connect(), alice.connect()
    texts = ["x" * 4000, "🙂" * 4000, " . ", "a\nb\r\n", "<script>", "\u202ex\u2028", "0", '{"type":"ping"}']
    for each in texts:
        speaker.send(text(room, each))
    assert heard(listener, len(texts)) == heard(speaker, len(texts)) == texts


def test_an_id_in_digits_and_no_type_are_taken(alice: Member) -> None:
    room = alice.make()
    socket = alice.connect()
    socket.send({"room_id": str(room), "content": "hello"})
    assert heard(socket, 1) == ["hello"]


def test_binary_frames_are_read_as_text_if_they_are(alice: Member) -> None:
    room = alice.make()
    socket = alice.connect()
    socket.raw.send_binary(json.dumps(text(room, "binary")).encode())
    assert heard(socket, 1) == ["binary"]
    socket.raw.send_binary(b"\xff\xfe")
    assert_refused(socket.next(), "JSON")


def test_a_retried_message_is_stored_once_and_answered_again(alice: Member, bob: Member) -> None:
    room = alice.make(bob)
    listener, speaker = bob.connect(), alice.connect()
    once = text(room, "once", client_message_id="m-1")
    speaker.send(once)
    first = speaker.next()
    for _ in range(2):
        speaker.send(once)
        assert speaker.next() == first
    again = alice.connect()  # as after a broken connection
    again.send(once)
    assert again.next() == first
    again.send(text(room, "twice", client_message_id=None))
    assert heard(speaker, 1) == heard(again, 1) == ["twice"]
    assert heard(listener, 2) == ["once", "twice"]
    assert alice.stored(room) == ["once", "twice"]


def test_retries_without_waiting_for_the_answer(alice: Member, bob: Member) -> None:
    """However they meet: the sender gets at least one, the others get just one."""
    room = alice.make(bob)
    listener, speaker, second = bob.connect(), alice.connect(), alice.connect()
    for number in range(10):
        for socket in (speaker, second):
            socket.send(text(room, str(number), client_message_id=f"m-{number}"))
            socket.send(text(room, str(number), client_message_id=f"m-{number}"))
    expected = [str(number) for number in range(10)]
    assert heard(listener, 10) == expected
    for socket in (speaker, second):
        assert list(dict.fromkeys(contents(socket.until_quiet(1)))) == expected
    assert alice.stored(room) == expected


def test_sending_too_often_is_refused_and_the_socket_kept(alice: Member, bob: Member) -> None:
    room = alice.make(bob)
    listener, speaker = bob.connect(), alice.connect()
    answers: list[dict[str, Any]] = []
    while not (refused := [answer for answer in answers if answer["code"] != 0]):
        for number in range(len(answers), len(answers) + 50):
            speaker.send(text(room, str(number)))
        answers += [speaker.next() for _ in range(50)]
    assert len(answers) - len(refused) >= 60
    for answer in refused:
        assert_refused(answer, "请 1 秒后再试")
    time.sleep(1)
    speaker.send(text(room, "later"))
    assert heard(speaker, 1) == ["later"]
    accepted = [answer["data"]["content"] for answer in answers if answer["code"] == 0]
    assert heard(listener, len(accepted) + 1) == [*accepted, "later"]
