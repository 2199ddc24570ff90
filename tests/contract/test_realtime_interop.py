"""Realtime with the other protocols: messages in both directions, and accepted forms of passwords."""

import hashlib

import pytest

from tests.contract.clients import Heard, Refused, heard_by
from tests.contract.conftest import CLIENTS, Meet
from tests.contract.realtime_client import RealtimeClient

OTHERS = [kind for kind in CLIENTS if kind is not RealtimeClient]


def test_messages_reach_the_others_once_and_in_order(meet: Meet) -> None:
    people = [meet(kind, kind.protocol) for kind in CLIENTS]
    said = []
    for text in ("大家好", "multi\nline 🙂", "<b>bold</b>"):
        for person in people:
            person.say("public", text)
            said.append(Heard(person.username, "text", text))
    for person in people:
        assert person.hear("public") == heard_by(person, said)
        assert person.hear("public") == []


def test_a_room_made_by_realtime_is_there_for_polling_and_the_other_way_round(meet: Meet) -> None:
    people = [meet(kind, kind.protocol) for kind in CLIENTS if kind is RealtimeClient or "open" in kind.can]
    for maker in people:
        room = f"物理 {maker.protocol}"
        maker.create_room(room)
        for person in people:
            if person is not maker:
                person.join(room)
            person.say(room, "hello")
        assert {heard.sender for heard in maker.hear(room)} >= {person.username for person in people} - {maker.username}


@pytest.mark.parametrize("kind_of_other", OTHERS)
def test_a_digest_is_a_password_in_realtime_only(meet: Meet, kind_of_other: type) -> None:
    digest = hashlib.md5(b"secret1").hexdigest()
    other, realtime = meet(kind_of_other, "other"), meet(RealtimeClient, "realtime")
    assert realtime.call("POST", "/Login", {"username": "other", "password": digest}).json == {"status": True}
    for name in ("other", "realtime"):
        with pytest.raises(Refused, match="auth"):
            other.login(name, digest)
