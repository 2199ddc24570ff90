"""The tcp protocol: requests and answers, pushes, arrivals and departures."""

import json
import socket
import time

from tests.contract.clients import HttpTransport, PollingClient
from tests.contract.tcp_client import Lines
from tests.real_server import Server
from tests.tcp.conftest import Connect, create, enter


def test_the_documents_example(live: Server) -> None:
    """One recv for one message: nothing arrives unrequested."""
    with Lines(live.tcp_port) as first:
        answer = first.ask("register_request", username="documented", password="password123")
        assert (answer["success"], answer["username"], answer["error_message"]) == (True, "documented", None)
        assert first.refused("user_info_request") == 1001, "registering does not log in"
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(10)
    sock.connect(("localhost", live.tcp_port))
    sock.send(b'{"message_type":"login_request","username":"documented","password":"password123"}\n')
    response = json.loads(sock.recv(4096).decode().strip())
    sock.close()
    assert response["success"]
    assert response["user_id"] == answer["user_id"]


def test_a_failed_login_and_registration(connect: Connect) -> None:
    lines = connect()
    for password, username in (("wrong12", "nobody at all"), ("secret1", "nobody at all")):
        answer = lines.ask("login_request", username=username, password=password)
        assert answer["message_type"] == "login_response"
        assert (answer["success"], answer["user_id"], answer["username"]) == (False, None, None)
        assert answer["error_message"] == "用户名或密码错误"
    taken = connect("taken")
    for username, password in ((taken.username.upper(), "secret1"), ("short", "1"), (" space ", "secret1")):
        answer = lines.ask("register_request", username=username, password=password)
        assert (answer["message_type"], answer["success"], answer["user_id"]) == ("register_response", False, None)
        assert answer["error_message"]


def test_logging_out_keeps_the_connection_and_ends_pushes(connect: Connect) -> None:
    alice, bob = connect("alice"), connect("bob")
    answer = alice.ask("logout_request")
    assert (answer["message_type"], answer["level"]) == ("system_message", "info")
    bob.ask("chat_message", chat_group_name="public", content="alice must not get this")
    assert alice.until_quiet() == []
    assert alice.refused("chat_message", chat_group_name="public", content="hello") == 1001
    assert alice.ask("heartbeat")["message_type"] == "heartbeat"
    assert alice.ask("login_request", username=alice.username, password="secret1")["success"]
    assert alice.refused("login_request", username=alice.username, password="secret1") == 1008


def test_a_message_goes_to_all_members_and_back_to_its_sender(connect: Connect, room: str) -> None:
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    group_id = create(alice, room, bob)
    sent = alice.ask("chat_message", chat_group_id=group_id, sender_id=1, sender_username="root", content="大家好\n!")
    assert sent["message_type"] == "chat_message"
    assert (sent["sender_id"], sent["sender_username"]) == (alice.user_id, alice.username), "whatever a client claims"
    assert (sent["chat_group_id"], sent["chat_group_name"], sent["content"]) == (group_id, room, "大家好\n!")
    assert abs(sent["timestamp"] - time.time()) < 60
    assert bob.next() == sent
    assert carol.until_quiet() == []
    assert carol.refused("chat_message", chat_group_id=group_id, content="me too") == 1005
    assert carol.refused("chat_message", chat_group_id=2**70, content="where?") == 1004


def test_an_id_that_no_group_can_have_is_not_named_as_another(connect: Connect) -> None:
    alice = connect("alice")
    for beyond in (2**63, 10**30, -(10**30), "9" * 40):
        answer = alice.ask("chat_message", chat_group_id=beyond, content="where?")
        assert (answer["error_code"], answer["error_message"]) == (1004, "聊天组 … 不存在。")
    assert alice.ask("chat_message", chat_group_id=2**63 - 1, content="?")["error_message"].count(str(2**63 - 1)) == 1


def test_the_group_that_is_meant(connect: Connect, room: str) -> None:
    alice = connect("alice")
    group_id, other_id = create(alice, room), create(alice, f"{room} b")
    assert alice.refused("chat_message", content="nowhere") == 1008
    enter(alice, f"{room} b")
    for fields, meant in (
        ({}, other_id),
        ({"chat_group_name": ""}, other_id),
        ({"chat_group_name": room}, group_id),
        ({"chat_group_id": group_id, "chat_group_name": f"{room} b"}, group_id),
        ({"chat_group_id": None, "chat_group_name": None}, other_id),
    ):
        assert alice.ask("chat_message", content="x", **fields)["chat_group_id"] == meant, fields


def test_a_message_sent_again_is_stored_once_and_answered_again(connect: Connect, room: str) -> None:
    alice = connect("alice")
    create(alice, room)
    say = {"chat_group_name": room, "content": "once", "client_message_id": "m-1"}
    first = alice.ask("chat_message", **say)
    assert alice.ask("chat_message", **say) == first
    assert alice.until_quiet() == []
    assert [message["message_id"] for message in enter(alice, room)] == [first["message_id"]]


def test_entering_gives_the_last_50_and_nothing_twice(connect: Connect, room: str) -> None:
    alice, bob = connect("alice"), connect("bob")
    create(alice, room)
    for number in range(60):
        alice.ask("chat_message", chat_group_name=room, content=str(number))
    assert bob.refused("enter_chat_request", chat_name=room) == 1005
    assert bob.refused("enter_chat_request", chat_name="no such room") == 1004
    # All at once: joining, entering, and a message in between.
    bob.send("join_chat_request", chat_name=room)
    bob.send("chat_message", chat_group_name=room, content="60")
    bob.send("enter_chat_request", chat_name=room)
    found = bob.until_quiet()
    assert [message["message_type"] for message in found if message["message_type"] == "system_message"]
    entered = next(at for at, message in enumerate(found) if message["message_type"] == "enter_chat_response")
    said = [message["content"] for message in found[entered:] if "sender_id" in message]
    assert len(said) == len(set(said)), "nothing twice"  # messages pushed before entering are in the history too
    assert {str(number) for number in range(12, 61)} <= set(said)


def test_arrivals_and_departures_in_the_entered_group(connect: Connect, room: str) -> None:
    alice, bob, carol = connect("alice"), connect("bob"), connect("carol")
    create(alice, room, bob, carol)
    enter(alice, room)
    enter(bob, room)
    came = alice.next()
    assert (came["message_type"], came["level"]) == ("system_message", "info")
    assert bob.username in came["content"]
    assert room in came["content"]
    enter(bob, "public")
    went = alice.next()
    assert bob.username in went["content"]
    assert went["content"] != came["content"]
    assert bob.until_quiet() == [], "what one does oneself is no news"
    enter(bob, room)
    assert bob.username in alice.next()["content"]
    bob.close()
    assert alice.next()["content"] == went["content"]
    assert carol.until_quiet() == [], "carol has not entered it"


def test_lists(connect: Connect, room: str) -> None:
    alice, bob = connect("alice"), connect("bob")
    group_id = create(alice, room, bob)
    (chat,) = [each for each in bob.ask("list_chats_request")["chats"] if each["group_id"] == group_id]
    assert set(chat) == {"group_id", "group_name", "is_private_chat", "member_count", "created_at"}
    assert (chat["group_name"], chat["is_private_chat"], chat["member_count"]) == (room, False, 2)
    in_shanghai = time.strftime("%Y-%m-%d %H", time.gmtime(time.time() + 8 * 3600))
    assert chat["created_at"].startswith(in_shanghai)
    carol = connect("carol")
    assert room not in [each["group_name"] for each in carol.ask("list_chats_request", list_type="joined")["chats"]]
    assert room in [each["group_name"] for each in carol.ask("list_chats_request", list_type="all")["chats"]]
    users = {each["username"]: each for each in carol.ask("list_users_request")["users"]}
    assert users[alice.username] == {"user_id": alice.user_id, "username": alice.username, "is_online": True}
    first = bob.ask("list_users_request", limit=1, q=bob.username)
    assert ([each["username"] for each in first["users"]], first["next"]) == ([bob.username], "")
    first = bob.ask("list_chats_request", limit=1)
    second = bob.ask("list_chats_request", limit=200, after=first["next"])
    whole = bob.ask("list_chats_request")
    assert "next" not in whole  # not requested
    ids = [each["group_id"] for each in first["chats"] + second["chats"]]
    assert sorted(ids) == [each["group_id"] for each in whole["chats"]]
    members = bob.ask("list_users_request", list_type="current_chat", chat_group_id=group_id)["users"]
    assert [each["username"] for each in members] == [alice.username, bob.username]
    assert carol.refused("list_users_request", list_type="current_chat", chat_group_id=group_id) == 1005


def test_user_info(connect: Connect, room: str) -> None:
    alice = connect("alice")
    create(alice, room)
    info = alice.ask("user_info_request")
    assert info["user_info"] == {"user_id": alice.user_id, "username": alice.username, "is_online": True}
    assert info["joined_chats_count"] == info["private_chats_count"] + info["group_chats_count"] == 2
    assert info["private_chats_count"] == 0
    assert info["total_users_count"] >= info["online_users_count"] >= 1
    assert info["total_chats_count"] >= 2


def test_creating_is_all_or_nothing(connect: Connect, room: str) -> None:
    alice = connect("alice")
    assert alice.refused("create_chat_request", chat_name=room, member_usernames=["nobody at all"]) == 1003
    assert alice.refused("join_chat_request", chat_name=room) == 1004, "it was not made"
    create(alice, room)
    answer = alice.ask("create_chat_request", chat_name=room.upper(), member_usernames=[])
    assert (answer["message_type"], answer["success"], answer["chat_group_id"]) == ("create_chat_response", False, None)
    assert room.upper() in answer["error_message"]
    for name in ("ends in #12", "status", "", " x"):
        assert alice.refused("create_chat_request", chat_name=name, member_usernames=[]) == 1008, name


def test_rooms_of_others_do_not_exist_and_locked_ones_are_refused(live: Server, connect: Connect, room: str) -> None:
    polling = PollingClient(HttpTransport(live.url))
    polling.register(f"polling {room}")
    polling.create_room(room, passwd="xyzzy")
    alice = connect("alice")
    assert alice.refused("join_chat_request", chat_name=room) == 1005
    assert alice.refused("enter_chat_request", chat_name=room) == 1005
    answer = alice.ask("join_chat_request", chat_name="public")
    assert (answer["message_type"], answer["level"]) == ("system_message", "info")


def test_presence_is_seen_by_the_other_protocols(live: Server, connect: Connect) -> None:
    polling = PollingClient(HttpTransport(live.url))
    alice = connect("alice")
    polling.register(f"polling {alice.username}")
    assert alice.username in polling.online("public")
    alice.ask("logout_request")
    assert alice.username not in polling.online("public")


def test_a_session_that_ends_elsewhere_ends_the_connection(live: Server, connect: Connect) -> None:
    alice = connect("alice")
    live.flask("chat", "set-password", alice.username, "--password", "another1")
    (last,) = alice.rest()
    assert (last["message_type"], last["error_code"]) == ("error_message", 1001)
