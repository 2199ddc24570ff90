"""Invitations to groups, and concurrent actions of their members."""

from collections.abc import Callable
from typing import Any

from tests.conftest import run_in_threads
from tests.contract.clients import Reply
from tests.contract.ims.world import World, invite


def invitations(w: World) -> dict[int, int]:
    """Status by receiver, of the newest of each."""
    asked = {"conversation_id": w.group}
    answer = w.mona.ok("GET", "/conversations/invitation", asked)
    assert answer["invitation"] == answer["invitations"]
    assert answer == w.mona.ok("GET", f"/conversations/{w.group}/invitation/")
    return {each["receiver_id"]: each["status"] for each in reversed(answer["invitation"])}


def test_an_invitation_as_it_is_listed(w: World) -> None:
    shown = w.mona.ok("GET", "/conversations/invitation", {"conversation_id": w.group})["invitation"][1]
    assert shown.pop("timestamp").endswith("Z")
    assert shown == {
        "invite_id": w.waiting, "conversation_id": w.group, "sender_id": w.mia.id, "sender_name": "mia",
        "receiver_id": w.ben.id, "receiver_name": "ben", "status": 0,
    }  # fmt: skip


def test_an_invitation_waits_and_is_settled_once(w: World) -> None:
    assert invitations(w)[w.ben.id] == 0
    assert w.ben.id_of("group") == 0
    again = invite(w, w.mia)  # asked twice, answered once
    assert again.json["message"] == "邀请成功，等待管理员确认"
    w.adam.ok("POST", "/conversations/manage/handle_invitation", {"invite_id": w.waiting, "status": 2})
    assert invitations(w)[w.ben.id] == 2
    assert w.ben.id_of("group") == w.group
    refused = w.alice.call("DELETE", "/conversations/manage/handle_invitation", {"invite_id": w.waiting})
    assert refused.json["info"] == "邀请已处理"


def test_joining_otherwise_settles_a_pending_invitation(w: World) -> None:
    assert invite(w, w.alice).json["message"] == "邀请成功"
    statuses = [
        (each["sender_id"], each["status"])
        for each in w.mona.ok("GET", "/conversations/invitation", {"conversation_id": w.group})["invitation"]
        if each["receiver_id"] == w.ben.id
    ]
    assert statuses == [(w.alice.id, 2), (w.mia.id, 3), (w.mia.id, 1)]


def test_all_are_invited_or_none(w: World) -> None:
    before = invitations(w)
    for bad in (w.mona.id, w.zed.id, w.lea.id, 999, 2**70, 0, -1):
        body = {"conversationId": w.group, "member_id": [w.ben.id, bad]}
        assert w.alice.call("POST", "/conversations/member/add", body).status == 403, bad
    assert invitations(w) == before
    assert "ben" not in w.alice.members("group")


def repeatedly(*jobs: Callable[[], Any]) -> None:
    run_in_threads(*[job for job in jobs for _ in range(3)])


def test_two_admins_accept_the_same_invitation_at_once(w: World) -> None:
    replies: list[Reply] = []
    path, body = "/conversations/manage/handle_invitation", {"invite_id": w.waiting}
    repeatedly(
        lambda: replies.append(w.alice.call("POST", path, body)),
        lambda: replies.append(w.adam.call("POST", path, body)),
    )
    assert sorted(reply.json["info"] for reply in replies) == ["success"] + ["邀请已处理"] * 5
    assert w.alice.members("group").count("ben") == 1


def test_one_accepts_while_another_refuses(w: World) -> None:
    replies: dict[str, Reply] = {}
    path, body = "/conversations/manage/handle_invitation", {"invite_id": w.waiting}
    run_in_threads(
        lambda: replies.update(yes=w.alice.call("POST", path, body)),
        lambda: replies.update(no=w.adam.call("DELETE", path, body)),
    )
    assert sorted(reply.status for reply in replies.values()) == [200, 403]
    assert (replies["yes"].status == 200) == ("ben" in w.alice.members("group"))
