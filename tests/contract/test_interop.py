"""Messages sent by one protocol's client reach the clients of all others, in one order."""

import threading
from typing import Any

from tests.contract.clients import Heard, heard_by
from tests.contract.conftest import CLIENTS, Meet
from tests.contract.roomapi_client import FollowingRoomapiClient
from tests.pictures import picture


def test_messages_reach_all_others_once_and_in_one_order(meet: Meet) -> None:
    people = [meet(kind, kind.protocol) for kind in CLIENTS]
    speakers = [threading.Thread(target=_say_ten, args=(person,)) for person in people]
    for speaker in speakers:
        speaker.start()
    for speaker in speakers:
        speaker.join(30)
    echoed = {person.protocol for person in people if "echo" in person.can}
    heard = [_hear(person, 10 * (len(people) - (person.protocol not in echoed))) for person in people]
    for person, mine in zip(people, heard, strict=True):
        assert mine == heard_by(person, heard[0])
    for person in people:
        from_one = [each.content for each in heard[0] if each.sender == person.username]
        assert from_one == [f"{person.protocol} {number}" for number in range(10)]
        assert person.hear("public") == []


def test_a_picture_is_the_same_for_all(meet: Meet) -> None:
    people = [meet(kind, kind.protocol) for kind in CLIENTS]
    for person in [each for each in people if "show" in each.can]:
        data = picture("PNG", color=(len(person.protocol), 0, 0))
        person.show("public", data)
        for reader in people:
            assert _hear(reader, 1) == [Heard(person.username, "image", data)], (person, reader)


def test_sixty_users_each_make_a_room_titled_room1(meet: Meet) -> None:
    pupils = [meet(FollowingRoomapiClient, f"pupil {number}") for number in range(60)]
    for pupil in pupils:
        pupil.create_room("room1")
        pupil.say("room1", f"the room of {pupil.username}")
    ids = [pupil.id_of("room1") for pupil in pupils]
    assert len(set(ids)) == 60
    for pupil in pupils:
        assert sorted(room["name"] for room in pupil.ok("GET", "/api/room/list")) == ["public", "room1"]
        assert pupil.hear("room1") == [Heard(pupil.username, "text", f"the room of {pupil.username}")]
    stranger = pupils[1].call("POST", "/api/message/list", {"room_id": ids[0]})
    assert stranger.json == {"code": 1, "msg": "聊天室不存在", "data": None}


def _say_ten(person: Any) -> None:
    for number in range(10):
        person.say("public", f"{person.protocol} {number}")


def _hear(person: Any, count: int) -> list[Heard]:
    """Receive this many messages, in any number of portions."""
    heard: list[Heard] = []
    while len(heard) < count:
        portion = person.hear("public", timeout=10)
        assert portion, f"{person} hears no more after {len(heard)}"
        heard += portion
    return heard
