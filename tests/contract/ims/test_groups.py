"""Groups: the complete matrix of permissions, and owners that leave."""

from collections.abc import Callable
from typing import Any

import pytest

from chat.models import Access, Role
from chat.services.permissions import ALLOWED, Action
from tests.conftest import run_in_threads
from tests.contract.clients import FlaskTransport, Refused, Reply
from tests.contract.ims.conversing import polling, send
from tests.contract.ims.world import LOBBY, World, invite, of, reg
from tests.contract.ims_client import ImsClient

DOERS = {"alice": Role.OWNER, "adam": Role.ADMIN, "mia": Role.MEMBER, "zed": None}
Do = Callable[[World, ImsClient], Reply]


# Actions per role, over the wire. The target is mona, a member, unless noted.
MATRIX: dict[str, tuple[Action, Do]] = {
    "appoint": (Action.CHANGE_ROLES, lambda w, a: a.call("POST", "/conversations/manage/admin", of(w.group, w.mona))),
    "dismiss": (Action.CHANGE_ROLES, lambda w, a: a.call("DELETE", "/conversations/manage/admin", of(w.group, w.adam))),
    "transfer": (
        Action.TRANSFER,
        lambda w, a: a.call("POST", "/conversations/manage/ownership_transfer", of(w.group, w.mona)),
    ),
    "remove a member": (
        Action.REMOVE_MEMBER,
        lambda w, a: a.call("DELETE", "/conversations/member/remove", of(w.group, w.mona)),
    ),
    "remove an admin": (
        Action.REMOVE_ADMIN,
        lambda w, a: a.call("DELETE", "/conversations/member/remove", of(w.group, w.adam)),
    ),
    "remove the owner": (
        Action.REMOVE_OWNER,
        lambda w, a: a.call("DELETE", "/conversations/member/remove", of(w.group, w.alice)),
    ),
    "announce": (
        Action.ANNOUNCE,
        lambda w, a: a.call(
            "POST", "/conversations/manage/notifications", {"conversation_id": w.group, "content": "x"}
        ),
    ),
    "take back": (
        Action.ANNOUNCE,
        lambda w, a: a.call("DELETE", "/conversations/manage/notifications", {"notification_id": w.notice}),
    ),
    "accept": (
        Action.ANSWER_INVITATION,
        lambda w, a: a.call("POST", "/conversations/manage/handle_invitation", {"invite_id": w.waiting}),
    ),
    "refuse": (
        Action.ANSWER_INVITATION,
        lambda w, a: a.call("DELETE", "/conversations/manage/handle_invitation", {"invite_id": w.waiting}),
    ),
    "rename": (
        Action.CHANGE_ROOM,
        lambda w, a: a.call("POST", "/conversations/manage/info", {"conversation_id": w.group, "name": "x"}),
    ),
    "leave": (
        Action.LEAVE,
        lambda w, a: a.call("POST", "/conversations/member/remove", {"conversation_id": w.group}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DOERS)
@pytest.mark.parametrize("what", MATRIX)
def test_permissions_by_role(w: World, name: str, what: str) -> None:
    action, do = MATRIX[what]
    reply = do(w, getattr(w, name))
    if DOERS[name] in ALLOWED[action][Access.GROUP]:
        assert reply.status == 200, reply
    elif name == "zed":
        assert (reply.status, reply.json["code"]) in {(400, 1), (403, -3)}, reply
    else:
        assert (reply.status, reply.json["code"]) == (403, -3), reply


@pytest.mark.parametrize("name", DOERS)
def test_permissions_to_delete_messages(w: World, name: str) -> None:
    said = send(w.mona, w.group, "by mona")
    reply = getattr(w, name).call("DELETE", "/conversations/messages", {"message_id": said})
    expected = {"alice": 200, "adam": 200, "mia": 403, "zed": 403}
    assert reply.status == expected[name]


@pytest.mark.parametrize("name", ["dan", "lea"])
def test_a_deleted_user_may_nothing(w: World, name: str) -> None:
    for _, do in MATRIX.values():
        reply = do(w, getattr(w, name))
        assert (reply.status, reply.json["code"]) == (401, -2)


def test_other_protocols_obey_the_same_table(w: World) -> None:
    alice, adam = polling(w.app, "alice@example.com"), polling(w.app, "adam@example.com")
    with pytest.raises(Refused, match="forbidden"):
        adam.delete_room("group")
    alice.delete_room("group")
    assert w.mia.id_of("group") == 0
    with pytest.raises(Refused, match="forbidden"):
        alice.delete_room("public")


def test_in_an_open_room_of_polling_its_owner_administers(w: World) -> None:
    paul = ImsClient(FlaskTransport(w.app))
    paul.token = paul.ok("POST", "/account/login", {"email": "paul", "password": "secret1"})["token"]
    polling(w.app, "zed@example.com").join("club")
    for path in ("admin", "ownership_transfer"):
        paul.ok("POST", f"/conversations/manage/{path}", of(w.club, w.zed))
    members = w.zed.ok("GET", "/conversations/get_members", {"conversation_id": w.club})
    assert members["identity"] == 1
    assert [(each["name"], each["identity"]) for each in members["members"]] == [("paul", 3), ("zed", 1)]
    w.zed.ok("POST", "/conversations/manage/info", {"conversation_id": w.club, "name": "the club"})
    assert "the club" in polling(w.app, "alice@example.com").seen_rooms()


def test_in_the_lobby_and_in_direct_conversations_there_is_nothing_to_administer(w: World) -> None:
    for room in (LOBBY, w.direct):
        for method, path, body in (
            ("POST", "/conversations/manage/admin", of(room, w.mia)),
            ("DELETE", "/conversations/manage/admin", of(room, w.mia)),
            ("POST", "/conversations/manage/ownership_transfer", of(room, w.mia)),
            ("DELETE", "/conversations/member/remove", of(room, w.mia)),
            ("POST", "/conversations/member/add", {"conversationId": room, "member_id": w.ben.id}),
        ):
            reply = w.alice.call(method, path, body)
            assert (reply.status, reply.json) == (403, {"code": -3, "info": "权限异常"}), (path, room)
    w.alice.ok("POST", "/conversations/member/remove", {"conversation_id": LOBBY})
    assert w.alice.id_of("public") == 0


def test_members_and_their_roles(w: World) -> None:
    answer = w.adam.ok("GET", "/conversations/get_members", {"conversation_id": w.group})
    assert answer["identity"] == 2
    assert answer["members"][:2] == [
        {"id": w.alice.id, "name": "alice", "avatar": "", "identity": 1},
        {"id": w.adam.id, "name": "adam", "avatar": "", "identity": 2},
    ]
    assert [each["name"] for each in answer["members"]] == ["alice", "adam", "mia", "mona"]  # dan was deleted


def test_a_removed_member_is_out_in_all_protocols_at_once(w: World) -> None:
    mona = polling(w.app, "mona@example.com")
    mona.hear("group")
    w.adam.ok("DELETE", "/conversations/member/remove", of(w.group, w.mona))
    with pytest.raises(Refused, match="not_found"):
        mona.hear("group")
    assert w.mona.call("GET", "/conversations/messages", {"conversationId": w.group}).json["info"] == "用户不在会话中"


def test_a_dissolved_group_is_gone_for_all(w: World) -> None:
    w.alice.leave("group")
    for who in (w.alice, w.adam, w.mia):
        assert who.id_of("group") == 0
    assert w.mia.call("DELETE", "/conversations/messages", {"message_id": w.said}).status == 404


def test_transfer_makes_the_owner_a_member(w: World) -> None:
    w.alice.ok("POST", "/conversations/manage/ownership_transfer", of(w.group, w.adam))
    identities = {
        each["name"]: each["identity"]
        for each in w.mia.ok("GET", "/conversations/get_members", {"conversation_id": w.group})["members"]
    }
    assert identities == {"alice": 3, "adam": 1, "mia": 3, "mona": 3}


def test_transfer_races_with_leaving(w: World) -> None:
    replies: dict[str, Reply] = {}
    run_in_threads(
        lambda: replies.update(
            give=w.alice.call("POST", "/conversations/manage/ownership_transfer", of(w.group, w.mia))
        ),
        lambda: replies.update(leave=w.mia.call("POST", "/conversations/member/remove", {"conversation_id": w.group})),
    )
    assert replies["leave"].status == 200
    if replies["give"].status == 200:  # mia owned it when she left
        assert w.adam.id_of("group") == 0
    else:
        assert replies["give"].json["info"] == "User not in conversation"
        about = w.alice.ok("GET", "/conversations/get_members", {"conversation_id": w.group})
        assert about["identity"] == 1


def test_transfer_to_two_at_once_leaves_one_owner(w: World) -> None:
    replies: list[Reply] = []
    path = "/conversations/manage/ownership_transfer"
    run_in_threads(
        *[lambda to=to: replies.append(w.alice.call("POST", path, of(w.group, to))) for to in (w.mia, w.adam, w.mona)]
    )
    assert sorted(reply.json["info"] for reply in replies) == ["Succeed", *["非群主不能转让群主"] * 2]
    shown = w.mia.ok("GET", "/conversations/get_members", {"conversation_id": w.group})["members"]
    assert [each["identity"] for each in shown].count(1) == 1


def test_the_owner_leaves_while_members_come_and_speak(w: World) -> None:
    replies: list[Reply] = []
    jobs: list[Callable[[], Any]] = [lambda: replies.append(w.alice.call(
        "POST", "/conversations/member/remove", {"conversation_id": w.group}))]  # fmt: skip
    jobs += [lambda: replies.append(invite(w, w.adam)), lambda: replies.append(w.mia.call(
        "POST", "/conversations/messages", {"conversationId": w.group, "content": "x"}))]  # fmt: skip
    run_in_threads(*jobs)
    assert all(reply.status in {200, 403, 404} for reply in replies)
    assert w.mia.id_of("group") == 0


def test_titles_repeat_and_polling_tells_them_apart(w: World) -> None:
    for _ in range(2):
        w.alice.ok("POST", "/conversations", {"members": [], "name": "group"})
    names = polling(w.app, "alice@example.com").rooms()
    same = [each["id"] for each in w.alice.conversations() if each["name"] == "group"]
    assert len(same) == 3
    assert {f"group #{each}" for each in same if each != w.group} | {"group"} <= names


def test_members_may_be_repeated_and_oneself_is_no_matter(w: World) -> None:
    w.alice.ok("POST", "/conversations", {"members": [w.mia.id, str(w.mia.id), w.alice.id], "name": "two"})
    assert w.alice.members("two") == ["alice", "mia"]


def test_the_matrix_covers_every_action_of_a_group() -> None:
    elsewhere = {Action.DELETE_ROOM, Action.ADD_MEMBER, Action.ADD_ADMIN, Action.ADD_OWNER, Action.INVITE}
    tested = {action for action, _ in MATRIX.values()} | {Action.DELETE_MESSAGE}
    beyond = {Action.MENTION_ALL, Action.JOIN_CODE}  # tests/contract/test_polling_talking.py, test_join_codes.py
    beyond |= {Action.SETTINGS, Action.ARCHIVE, Action.WRITE_ANYTIME, Action.AUDIT, Action.PIN}
    beyond |= {Action.MUTE_MEMBER, Action.MUTE_ADMIN, Action.MUTE_OWNER}  # tests/contract/test_order.py
    beyond.add(Action.EXPORT)  # tests/contract/test_export.py
    assert set(Action) - tested == elsewhere | beyond


def test_a_deleted_owner_is_followed_by_the_longest_standing_admin_and_comes_back_as_a_member(w: World) -> None:
    w.alice.ok("DELETE", "/account/delete")
    about = w.adam.ok("GET", "/conversations/get_members", {"conversation_id": w.group})
    assert about["identity"] == 1, about
    w.adam.ok("POST", "/conversations/manage/info", {"conversation_id": w.group, "name": "still run"})
    alice = ImsClient(FlaskTransport(w.app))
    answer = alice.ok("POST", "/account/reg", reg(email="alice@example.com", name="alice"))
    alice.token = answer["token"]
    about = alice.ok("GET", "/conversations/get_members", {"conversation_id": w.group})
    assert about["identity"] == 3, about


def test_a_deleted_owner_without_admins_is_followed_by_the_longest_standing_member(w: World) -> None:
    w.alice.ok("DELETE", "/conversations/manage/admin", {"conversation_id": w.group, "user": w.adam.id})
    w.alice.ok("DELETE", "/account/delete")
    found = w.mia.ok("GET", "/conversations/get_members", {"conversation_id": w.group})["members"]
    assert [each["name"] for each in found if each["identity"] == 1] == ["adam"]


def test_a_restored_sole_member_owns_the_group_again(w: World) -> None:
    w.zed.create_room("alone in it")
    room = w.zed.id_of("alone in it")
    w.zed.ok("DELETE", "/account/delete")
    zed = ImsClient(FlaskTransport(w.app))
    zed.token = zed.ok("POST", "/account/reg", reg(email="zed@example.com", name="zed"))["token"]
    assert zed.ok("GET", "/conversations/get_members", {"conversation_id": room})["identity"] == 1
