"""Messages on the WebSocket at /, row by row (docs/protocols/realtime.md; docs/specification.md, "realtime"), over real
gunicorn.
"""

import json
import time
from typing import Any

import pytest

from tests.contract.clients import Caller, HttpTransport
from tests.contract.conftest import MakeUser
from tests.contract.realtime_client import RealtimeUser, unique
from tests.pictures import picture
from tests.real_server import wait_until


@pytest.fixture
def alice(realtime_user: MakeUser) -> RealtimeUser:
    return realtime_user("alice")


@pytest.fixture
def bob(realtime_user: MakeUser) -> RealtimeUser:
    return realtime_user("bob")


def test_a_message_as_documented(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    speaker, listener = alice.enter(room), bob.enter(room)
    assert speaker.until_quiet()[0]["type"] == 1  # bob came
    assert speaker.say("今天天气好好啊") == {"status": True}
    frame = listener.next()
    assert frame == {
        "type": 0,
        "msg": "今天天气好好啊",
        "username": alice.username,
        "nickname": alice.username,
        "time": frame["time"],
    }
    assert type(frame["time"]) is int
    assert abs(frame["time"] - time.time()) < 30
    assert speaker.until_quiet() == listener.until_quiet() == []  # once, and not to the sender


def test_nothing_is_said_on_entering(alice: RealtimeUser) -> None:
    room = alice.make()
    assert alice.bare(alice.token(room)).until_quiet() == []


def test_messages_sent_before_the_token_is_redeemed_arrive(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    speaker = alice.enter(room)
    for number in range(20):
        token = bob.token(room)
        speaker.send({"msg": f"{number}: before the handshake"})
        listener = bob.bare(token)
        speaker.send({"msg": f"{number}: before anybody can know that the token was taken"})
        said = [listener.next()["msg"] for _ in range(2)]
        assert [text.partition(":")[0] for text in said] == [str(number)] * 2, said
        listener.close()


def test_a_message_right_behind_the_token(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    listener = bob.enter(room)
    speaker = alice.bare(alice.token(room))
    assert speaker.say("first words") == {"status": True}
    assert [frame.get("msg") for frame in listener.until_quiet() if frame["type"] == 0] == ["first words"]


def test_messages_keep_their_order_and_are_answered_in_order(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    listener, speaker = bob.enter(room), alice.enter(room)
    for number in range(20):
        speaker.send({"msg": str(number)})
        speaker.send({"msg": ""})
    answers = [speaker.next()["status"] for _ in range(40)]
    assert answers == [True, False] * 20
    assert [frame["msg"] for frame in listener.until_quiet() if frame["type"] == 0] == [str(n) for n in range(20)]


def test_entering_makes_one_a_member_and_leaving_leaves_that(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    name = alice.room_name(room)
    token = bob.token(room)
    assert name not in bob.rooms()
    socket = bob.bare(token)
    wait_until(lambda: name in bob.rooms(), "bob is a member")
    socket.close()
    alice.say(name, "while you were out")
    assert name in bob.rooms()
    assert [heard.content for heard in bob.hear(name)] == ["while you were out"]
    assert bob.enter(room).until_quiet() == []  # earlier messages are not sent again


def test_others_hear_of_the_first_socket_that_comes_and_the_last_to_go(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    watcher = alice.enter(room)
    first = bob.enter(room)
    came = watcher.next()
    assert came == {
        "type": 1,
        "username": bob.username,
        "nickname": bob.username,
        "action": 1,
        "time": came["time"],
    }
    assert type(came["time"]) is int
    assert abs(came["time"] - time.time()) < 30
    second = bob.enter(room)
    first.close()
    assert watcher.until_quiet() == []  # bob is still there
    second.close()
    gone = watcher.next()
    assert gone == came | {"action": 0, "time": gone["time"]}
    bob.enter(room)
    assert watcher.next()["action"] == 1
    assert watcher.until_quiet() == []


def test_own_arrival_and_other_rooms_are_not_announced(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room, other = alice.make(), alice.make()
    in_room, in_other = alice.enter(room), alice.enter(other)
    bob.enter(other).say("only here")
    assert in_room.until_quiet() == []
    # An arrival may be announced a moment after the user's first message.
    heard = sorted((frame["type"], frame["username"]) for frame in in_other.until_quiet())
    assert heard == [(0, bob.username), (1, bob.username)]


def test_other_sockets_of_the_sender_receive_the_message(alice: RealtimeUser) -> None:
    room = alice.make()
    phone, laptop = alice.enter(room), alice.enter(room)
    assert phone.say("from the phone") == {"status": True}
    assert [frame["msg"] for frame in laptop.until_quiet()] == ["from the phone"]
    assert phone.until_quiet() == []
    alice.say(alice.room_name(room), "by polling")
    assert phone.next()["msg"] == laptop.next()["msg"] == "by polling"


def test_the_nickname_is_shown(realtime_user: MakeUser, alice: RealtimeUser) -> None:
    room = alice.make()
    listener = alice.enter(room)
    zhang = realtime_user("zhang")
    name = unique("zhangjiagou")
    body = {"username": name, "password": "zjh1997@stupid"}
    zhang.call("POST", "/User", body | {"nickname": "I'm angry"})
    zhang.call("POST", "/Login", body)
    zhang.enter(room).say("!")
    assert [frame["nickname"] for frame in listener.until_quiet()] == ["I'm angry"] * 2


def test_a_picture_is_a_line_of_text_with_its_address(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    listener = alice.enter(room)
    bob.enter(room)
    assert listener.next()["action"] == 1
    data = picture("PNG")
    bob.show(alice.room_name(room), data)
    shown = listener.next()
    assert set(shown) == {"type", "msg", "username", "nickname", "time"}
    assert shown["type"] == 0
    assert shown["msg"].startswith("/attachments/")
    assert Caller(HttpTransport(alice.url)).call("GET", shown["msg"]).body == data


def test_a_retried_message_is_stored_once(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    listener, speaker = bob.enter(room), alice.enter(room)
    for _ in range(3):
        assert speaker.say("once", client_message_id="m-1") == {"status": True}
    again = alice.enter(room)  # as after a broken connection
    assert again.say("once", client_message_id="m-1") == {"status": True}
    assert again.say("twice", client_message_id=None) == {"status": True}
    assert [frame["msg"] for frame in listener.until_quiet() if frame["type"] == 0] == ["once", "twice"]


BAD_FRAMES = [  # and a word of the answer
    ("", "msg"), ("{}", "msg"), ('{"token": "x"}', "msg"), ('{"msg": ""}', "empty"), ('{"msg": null}', "msg"),
    ('{"msg": 5}', "msg"), ('{"msg": ["x"]}', "msg"), ('{"msg": {"x": 1}}', "msg"), ("[]", "object"),
    ("null", "object"), ('"text"', "object"), ("{", "JSON"), ("msg=x", "JSON"), ('{"msg": NaN}', "JSON"),
    ('{"msg": "\\u0000"}', "NUL"), ('{"msg": "\\ud800"}', "surrogate"), ("[" * 50_000, "cannot be parsed"),
    ('{"msg": "x", "client_message_id": ""}', "client_message_id"),
    ('{"msg": "x", "client_message_id": 5}', "client_message_id"),
    (json.dumps({"msg": "x", "client_message_id": "x" * 65}), "client_message_id"),
    (json.dumps({"msg": "x" * 4001}), "4000"), (json.dumps({"msg": "x" * 100_000}), "4000"),
    (json.dumps({"a": [[]] * 60_000}), "too many values"),
]  # fmt: skip


def test_bad_frames_are_refused_and_the_socket_kept(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    listener, speaker = bob.enter(room), alice.enter(room)
    assert listener.next()["action"] == 1
    for frame, word in BAD_FRAMES:
        speaker.send(frame)
        answer = speaker.next()
        assert set(answer) == {"status", "error"}, frame[:100]
        assert answer["status"] is False, frame[:100]
        assert word in answer["error"], (frame[:100], answer)
        assert speaker.say(f"still here after {word}") == {"status": True}
        assert listener.next()["msg"] == f"still here after {word}"
    assert listener.until_quiet() == []


def test_the_longest_and_unusual_texts_arrive_unchanged(alice: RealtimeUser, bob: RealtimeUser) -> None:
    room = alice.make()
    listener, speaker = bob.enter(room), alice.enter(room)
    texts = ["x" * 4000, "🙂" * 4000, " . ", "a\nb\r\n", "<script>", "/attachments/x", "\u202ex", "0"]
    for text in texts:
        assert speaker.say(text, username="mallory", time=0, type=1) == {"status": True}
    assert [frame["msg"] for frame in listener.until_quiet() if frame["type"] == 0] == texts


def test_binary_frames_are_read_as_text_if_they_are(alice: RealtimeUser) -> None:
    socket = alice.enter(alice.make())
    socket.raw.send_binary(b'{"msg": "x"}')
    assert socket.next() == {"status": True}
    socket.raw.send_binary(b"\xff\xfe")
    assert socket.next()["status"] is False
    assert socket.say("still here") == {"status": True}


def test_errors_are_in_the_language_of_the_handshake(alice: RealtimeUser) -> None:
    socket = alice.bare(alice.token(alice.make()), header=["Accept-Language: zh-CN"])
    assert "为空" in socket.say("")["error"]


def test_sending_too_often_is_refused_and_the_socket_kept(alice: RealtimeUser) -> None:
    socket = alice.enter(alice.make())
    refused: list[dict[str, Any]] = []
    while not refused:  # a slow server refills the bucket while it works through a batch
        for _ in range(50):
            socket.send({"msg": "x"})
        refused = [answer for answer in (socket.next() for _ in range(50)) if not answer["status"]]
    assert set(refused[0]) == {"status", "error", "retry_after"}
    assert refused[0]["retry_after"] == 1
    time.sleep(refused[0]["retry_after"])
    assert socket.say("later") == {"status": True}
