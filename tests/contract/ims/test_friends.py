"""Friendship over time: requests that cross, ends, begins again."""

from typing import Any

import pytest

from tests.conftest import run_in_threads, services_of
from tests.contract.clients import FlaskTransport, PollingClient, Refused, Reply
from tests.contract.ims.world import World, answer
from tests.contract.ims_client import ImsClient
from tests.database import execute, statement_texts


def statuses(who: ImsClient) -> dict[int, int]:
    return {each["sender_user_id"]: each["status"] for each in who.ok("GET", "/friend_requests")["requests"]}


def test_a_request_as_it_is_listed(w: World) -> None:
    [shown, *_] = w.alice.ok("GET", "/friend_requests")["requests"]
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "sender_user_id": w.zed.id, "receiver_user_id": w.alice.id, "user_email": "zed@example.com",
        "user_name": "zed", "avatar": "", "message": "let us be friends", "status": 0,
    }  # fmt: skip


def test_requests_cross_and_one_acceptance_settles_both(w: World) -> None:
    w.alice.ok("POST", "/add_friend", {"target_id": w.zed.id, "message": "me too"})
    w.zed.ok("POST", "/friend_request_handle", answer(w.alice, w.zed))
    assert statuses(w.zed)[w.alice.id] == 1
    assert statuses(w.alice)[w.zed.id] == 3
    assert w.alice.call("POST", "/friend_request_handle", answer(w.zed, w.alice)).json["info"] == "Already friends"


def test_both_accept_crossing_requests_at_once(w: World) -> None:
    w.alice.ok("POST", "/add_friend", {"target_id": w.zed.id, "message": "me too"})
    replies: list[Reply] = []
    ways = [(w.alice, answer(w.zed, w.alice)), (w.zed, answer(w.alice, w.zed))]
    jobs = [lambda who=who, body=body: replies.append(who.call("POST", "/friend_request_handle", body))
            for who, body in ways for _ in range(3)]  # fmt: skip
    run_in_threads(*jobs)
    infos = sorted(reply.json["info"] for reply in replies)
    assert infos == ["Already friends"] * 5 + ["success"]
    assert sorted([statuses(w.zed)[w.alice.id], statuses(w.alice)[w.zed.id]]) == [1, 3]
    [direct] = [each for each in w.alice.conversations() if each.get("friend_id") == w.zed.id]
    assert len(w.zed.messages(direct["id"])) == 1


def test_the_same_request_many_times_at_once(w: World) -> None:
    replies: list[Reply] = []
    body = {"target_id": w.alone.id, "message": "hi"}
    run_in_threads(*[lambda: replies.append(w.alice.call("POST", "/add_friend", body))] * 6)
    assert sorted(reply.json["code"] for reply in replies) == [-5] * 5 + [0]


def test_a_refused_request_can_be_repeated(w: World) -> None:
    w.alice.ok("DELETE", "/friend_request_handle", answer(w.zed, w.alice))
    assert statuses(w.alice)[w.zed.id] == 2
    again = w.alice.call("POST", "/friend_request_handle", answer(w.zed, w.alice))
    assert again.json["info"] == "Request not found"
    w.zed.ok("POST", "/add_friend", {"target_id": w.alice.id, "message": "please"})
    [shown, *_] = w.alice.ok("GET", "/friend_requests")["requests"]
    assert (shown["message"], shown["status"]) == ("please", 0)
    w.alice.ok("POST", "/friend_request_handle", answer(w.zed, w.alice))


def test_unfriending_ends_new_messages_everywhere_and_leaves_the_old(w: World) -> None:
    w.alice.ok("DELETE", "/manage_friends", {"friend_id": w.mia.id})
    for who in (w.alice, w.mia):
        assert [m["content"] for m in who.messages(w.direct)] == ["我已经同意你的好友请求，可以开始聊天了"]
        refused = who.call("POST", "/conversations/messages", {"conversationId": w.direct, "content": "x"})
        assert (refused.status, refused.json["code"]) == (403, -4)
    polling = PollingClient(FlaskTransport(w.app))
    polling.login("alice@example.com")
    with pytest.raises(Refused, match="forbidden"):
        polling.say(f"#{w.direct}", "by another way")
    assert w.alice.ok("GET", "/groups/members", {"group_id": w.school})["members"] == []
    assert "mia" in w.alice.members("group")  # groups stay


def test_friends_again_have_the_same_conversation(w: World) -> None:
    assert w.alice.befriend(w.fay) == w.former
    w.fay.ok("POST", "/conversations/messages", {"conversationId": w.former, "content": "as before"})
    assert [m["content"] for m in w.alice.messages(w.former)][-1] == "as before"


def test_a_direct_conversation_is_a_private_room_elsewhere(w: World) -> None:
    mine, theirs = PollingClient(FlaskTransport(w.app)), PollingClient(FlaskTransport(w.app))
    mine.login("alice@example.com")
    theirs.login("zed@example.com")
    name = f"#{w.direct}"
    assert name in mine.rooms()
    assert name not in theirs.seen_rooms()
    with pytest.raises(Refused, match="not_found"):
        theirs.join(name)
    for operation in (mine.leave, mine.delete_room):
        with pytest.raises(Refused, match="forbidden"):
            operation(name)
    mine.say(name, "from polling")
    assert w.mia.messages(w.direct)[-1]["content"] == "from polling"


def test_searching(w: World) -> None:
    names = ["Straße 7", "strasse", "STRASSENBAHN", "50%", "a_b", "acb"]
    for number, name in enumerate(names):
        w.nobody.ok("POST", "/account/reg", {"email": f"s{number}@example.com", "password": "secret1", "name": name})

    def found(query: str) -> list[str]:
        return [each["name"] for each in w.alice.ok("GET", "/search_user", {"query_name": query})["results"]]

    assert found("STRASSE") == ["strasse", "Straße 7", "STRASSENBAHN"]
    assert found("%") == ["50%"]
    assert found("_") == ["a_b"]
    assert found("\\") == []
    assert found("x" * 5000) == []
    shown = w.alice.ok("GET", "/search_user", {"query_name": "mia"})["results"]
    assert shown == [
        {"user_id": w.mia.id, "name": "mia", "email": "mia@example.com", "avatar": "", "is_friend": True,
         "deleted": False}
    ]  # fmt: skip
    assert w.alice.ok("GET", "/search_user_detail", {"userId": w.zed.id})["user"] == {
        "name": "zed", "email": "zed@example.com", "avatar": "", "is_friend": False,
    }  # fmt: skip


def test_one_friend_and_the_groups_they_are_in(w: World) -> None:
    shown = w.alice.ok("GET", "/manage_friends", {"friend_id": w.mia.id})
    about = {"id": w.mia.id, "email": "mia@example.com", "name": "mia", "avatar": "", "deleted": False}
    groups = [{"id": w.school, "name": "school"}]
    assert shown == {"code": 0, "info": "success", **about, "user_info": "", "groups": groups}
    group = w.alice.ok("GET", "/groups/manage_groups", {"group_id": w.school})["group"]
    assert group == {"id": w.school, "name": "school", "members": [about]}
    assert w.mia.ok("GET", "/manage_friends", {"friend_id": w.alice.id})["groups"] == []


def test_a_deleted_friend_can_be_put_into_a_group_and_unfriended(w: World) -> None:
    w.alice.ok("POST", "/groups/members", {"group_id": w.school, "member_id": w.dan.id})
    assert [m["deleted"] for m in w.alice.ok("GET", "/groups/members", {"group_id": w.school})["members"]] == [
        False, True,
    ]  # fmt: skip
    w.alice.ok("DELETE", "/manage_friends", {"friend_id": w.dan.id})
    assert w.dan.id not in {each["id"] for each in w.alice.ok("GET", "/friends")["friends"]}


def test_friends_are_listed_with_as_many_statements_however_many_there_are(w: World) -> None:
    few, statements = counted(w, "/friends")
    befriend_many(w, 200)
    many, as_before = counted(w, "/friends")
    assert len(many["friends"]) - len(few["friends"]) == 200
    assert statements == as_before
    assert len(statements) == 2  # the friends, their avatars


def counted(w: World, path: str, query: dict[str, int] | None = None) -> tuple[Any, list[str]]:
    """An answer, and the statements it took."""
    services_of(w.app).start()
    with statement_texts(services_of(w.app)) as statements:
        return w.alice.ok("GET", path, query), statements


def befriend_many(w: World, number: int) -> None:
    """Give alice friends, straight into the database, each with a direct conversation."""
    services = services_of(w.app)
    with services.store.write() as tx:
        for n in range(number):
            columns = "username, username_key, nickname, nickname_key, email, avatar, password_sha1, password_md5"
            values = f"'u{n}', 'u{n}', 'n{n}', 'n{n}', 'u{n}@x.y', 'face', 'x', 'x'"
            sql = f"INSERT INTO users ({columns}, profile, created_at, updated_at) VALUES ({values}, '', 1, 1)"
            execute(tx, sql)
            user_id = int(execute(tx, "SELECT max(id) FROM users").scalar_one())
            room_id = services.rooms.make_direct_within(tx, w.alice.id, user_id)
            pair = (w.alice.id, user_id, room_id)
            execute(tx, "INSERT INTO friendships (low_id, high_id, room_id) VALUES (?, ?, ?)", pair)


def test_the_conversation_with_a_former_friend_is_listed_again_when_they_are_friends_again(w: World) -> None:
    def friends_of(who: ImsClient) -> set[int]:
        return {each["friend_id"] for each in who.conversations() if "friend_id" in each}

    assert w.fay.id not in friends_of(w.alice)
    assert w.alice.id not in friends_of(w.fay)
    w.fay.befriend(w.alice)
    assert w.fay.id in friends_of(w.alice)
    assert w.alice.id in friends_of(w.fay)
