"""One world behind all protocols: what is done by one is so in the others."""

import hashlib

import pytest

from tests.contract.clients import Client, Heard, Refused
from tests.contract.conftest import PROTOCOLS


@pytest.mark.parametrize("maker", PROTOCOLS)
def test_what_one_sends_the_others_get_once_and_in_order(one_of_each: dict[str, Client], maker: str) -> None:
    room = "物理 7b"
    one_of_each[maker].create_room(room)
    for name, each in one_of_each.items():
        if name != maker:
            each.join(room)
    said = []
    for text in ("大家好", "multi\nline 🙂", "<b>bold</b>"):
        for name, each in one_of_each.items():
            each.say(room, text)
            said.append(Heard(name, "text", text))
    for each in one_of_each.values():
        assert each.hear(room) == each.hears_of(said)
        assert each.hear(room) == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_digest_is_a_password_in_realtime_only(one_of_each: dict[str, Client], protocol: str) -> None:
    digest = hashlib.md5(b"secret1").hexdigest()
    assert one_of_each["realtime"].call("POST", "/Login", {"username": protocol, "password": digest}).json["status"]
    if protocol != "realtime":
        with pytest.raises(Refused, match="auth"):
            one_of_each[protocol].login(protocol, digest)
