"""Scenarios for every protocol, run by all clients with the required abilities."""

import threading
import time

import pytest

from tests.contract.clients import Heard, Refused, heard_by
from tests.contract.conftest import Anyone
from tests.pictures import picture


def test_all_members_receive_messages_once_and_in_order(anyone: Anyone) -> None:
    alice, bob = anyone("alice"), anyone("bob")
    alice.create_room("物理 7b")
    alice.bring("物理 7b", bob)
    alice.say("物理 7b", "大家好")
    bob.say("物理 7b", "hello <b>you</b>")
    alice.say("物理 7b", "multi\nline 🙂")
    expected = [Heard("alice", "text", "大家好"), Heard("bob", "text", "hello <b>you</b>")]
    expected.append(Heard("alice", "text", "multi\nline 🙂"))
    for member in (alice, bob):
        assert member.hear("物理 7b") == heard_by(member, expected)
        assert member.hear("物理 7b") == []


@pytest.mark.needs("members")
def test_non_members_receive_nothing(anyone: Anyone) -> None:
    alice, carol = anyone("alice"), anyone("carol")
    alice.create_room("物理 7b")
    with pytest.raises(Refused, match="not_found"):
        carol.hear("物理 7b")


def test_a_waiting_client_is_woken(anyone: Anyone) -> None:
    alice, bob = anyone("alice"), anyone("bob")
    heard: list[Heard] = []
    waiting = threading.Thread(target=lambda: heard.extend(bob.hear("public", timeout=20)))
    waiting.start()
    time.sleep(0.3)  # it waits
    alice.say("public", "there you are")
    waiting.join(10)
    assert heard == [Heard("alice", "text", "there you are")]


@pytest.mark.needs("show")
def test_a_picture_arrives_byte_for_byte(anyone: Anyone) -> None:
    alice, bob = anyone("alice"), anyone("bob")
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        data = picture(kind)
        alice.show("public", data)
        assert bob.hear("public") == [Heard("alice", "image", data)]


def test_a_retried_message_is_stored_once(anyone: Anyone) -> None:
    alice, bob = anyone("alice"), anyone("bob")
    for _ in range(3):
        alice.say("public", "once", client_message_id="m-1")
    bob.say("public", "mine has the same id", client_message_id="m-1")
    alice.create_room("other")
    alice.say("other", "another room, another message", client_message_id="m-1")
    said = [Heard("alice", "text", "once"), Heard("bob", "text", "mine has the same id")]
    assert bob.hear("public") == heard_by(bob, said)
    assert alice.hear("other") == heard_by(alice, [Heard("alice", "text", "another room, another message")])


@pytest.mark.needs("passwd")
def test_a_room_with_a_passwd(anyone: Anyone) -> None:
    alice, bob = anyone("alice"), anyone("bob")
    alice.create_room("staff", passwd="xyzzy")
    assert "staff" in bob.seen_rooms()
    for wrong in ("", "XYZZY"):
        with pytest.raises(Refused, match="forbidden"):
            bob.join("staff", wrong)
    with pytest.raises(Refused, match="not_found"):
        bob.say("staff", "let me in")
    bob.join("staff", "xyzzy")
    bob.say("staff", "I am in")
    assert alice.hear("staff") == [Heard("bob", "text", "I am in")]
    with pytest.raises(Refused, match="forbidden"):
        bob.delete_room("staff", "xyzzy")
    with pytest.raises(Refused, match="forbidden"):
        alice.delete_room("staff", "wrong")
    alice.delete_room("staff", "xyzzy")
    assert "staff" not in bob.seen_rooms()


@pytest.mark.needs("open", "leave")
def test_leaving_ends_delivery(anyone: Anyone) -> None:
    alice, bob = anyone("alice"), anyone("bob")
    alice.create_room("club")
    bob.join("club")
    bob.leave("club")
    alice.say("club", "bob is gone")
    with pytest.raises(Refused, match="not_found"):
        bob.hear("club")
    assert alice.members("club") == ["alice"]
    assert bob.rooms() == {"public"}


@pytest.mark.needs("open", "leave")
def test_a_leaving_owner_passes_the_room_on_and_the_last_member_deletes_it(anyone: Anyone) -> None:
    alice, bob, carol = anyone("alice"), anyone("bob"), anyone("carol")
    alice.create_room("club")
    bob.join("club")
    carol.join("club")
    alice.leave("club")
    with pytest.raises(Refused, match="forbidden"):
        carol.delete_room("club")
    carol.leave("club")
    bob.leave("club")
    assert "club" not in alice.seen_rooms()
    carol.create_room("club")  # the name is free again, and none of the old is in it
    assert carol.hear("club") == []


@pytest.mark.needs("members")
def test_a_deleted_room_is_gone_for_all(anyone: Anyone) -> None:
    alice, bob = anyone("alice"), anyone("bob")
    alice.create_room("club")
    alice.bring("club", bob)
    alice.say("club", "short-lived")
    with pytest.raises(Refused, match="forbidden"):
        bob.delete_room("club")
    alice.delete_room("club")
    for member in (alice, bob):
        assert member.rooms() == {"public"}
        with pytest.raises(Refused, match="not_found"):
            member.hear("club")


@pytest.mark.needs("unread")
def test_unread_counts_later_messages_by_others(anyone: Anyone) -> None:
    alice, bob = anyone("alice"), anyone("bob")
    alice.say("public", "one")
    alice.say("public", "two")
    assert (alice.unread("public"), bob.unread("public")) == (0, 2)
    bob.hear("public")
    bob.hear("public")  # advances the cursor
    assert bob.unread("public") == 0
    carol = anyone("carol")
    assert carol.unread("public") == 0  # joining sets the mark to now


@pytest.mark.needs("open", "leave")
def test_the_lobby_can_be_left_and_reentered_but_not_deleted(anyone: Anyone) -> None:
    alice = anyone("alice")
    assert alice.rooms() == {"public"}
    with pytest.raises(Refused, match="forbidden"):
        alice.delete_room("public")
    alice.leave("public")
    assert "public" in alice.seen_rooms()
    alice.join("public")
    assert alice.rooms() == {"public"}


@pytest.mark.needs("logout", "online")
def test_logging_out_ends_presence_and_access(anyone: Anyone) -> None:
    alice, bob = anyone("alice"), anyone("bob")
    assert alice.online("public") == {"alice", "bob"}
    bob.logout()
    assert alice.online("public") == {"alice"}
    with pytest.raises(Refused, match="auth"):
        bob.rooms()
    bob.login("bob")
    assert bob.rooms() == {"public"}


@pytest.mark.needs("members")
def test_usernames_are_one_without_regard_to_case(anyone: Anyone) -> None:
    alice = anyone("Ålice")
    with pytest.raises(Refused, match="taken"):
        anyone("ÅLICE")
    alice.login("ålice")
    assert alice.rooms() == {"public"}


@pytest.mark.needs("open")
def test_room_names_are_one_without_regard_to_case(anyone: Anyone) -> None:
    alice, bob = anyone("Ålice"), anyone("bob")
    alice.create_room("Straße")
    with pytest.raises(Refused, match="taken"):
        bob.create_room("STRASSE")
    bob.join("strasse")
    alice.say("STRASSE", "same room")
    assert bob.hear("Strasse") == [Heard("Ålice", "text", "same room")]
