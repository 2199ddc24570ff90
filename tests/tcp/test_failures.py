"""Every row of the guide's table of failures."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.clients import HttpTransport, PollingClient
from tests.contract.tcp_client import Lines
from tests.real_server import ROOT, Server

_TABLE = (ROOT / "docs/protocols/tcp.md").read_text(encoding="utf-8").partition("## Failures")[2]
ROWS = re.findall(r"^\| `?([a-z_]+)`? \| ([^|]+) \| ([^|]+) \|$", _TABLE, re.MULTILINE)[1:]


@dataclass
class Scene:
    """alice is in public and has entered nothing; bob's group "club" has a file, polly's "locked" a passwd."""

    port: int
    url: str
    alice: Lines
    elsewhere: Lines  # on a server with a nearly full disk
    file_id: int
    club_id: int

    def stranger(self) -> Lines:
        return Lines(self.port)

    @contextmanager
    def maker(self, name: str, *rooms: str, members: list[str]) -> Iterator[Lines]:
        """A new user with these groups."""
        with self.stranger() as lines:
            lines.sign_in(name)
            for room in rooms:
                assert lines.ask("create_chat_request", chat_name=room, member_usernames=members)["success"]
            yield lines


Act = Callable[[Scene], dict[str, Any]]


def by_alice(message_type: str, **fields: Any) -> Act:
    return lambda scene: scene.alice.ask(message_type, **fields)


def by_stranger(message_type: str, **fields: Any) -> Act:
    def act(scene: Scene) -> dict[str, Any]:
        with scene.stranger() as lines:
            return lines.ask(message_type, **fields)

    return act


def line(data: bytes) -> Act:
    def act(scene: Scene) -> dict[str, Any]:
        with scene.stranger() as lines:
            lines.raw(data + b"\n")
            return lines.next()

    return act


def in_club(message_type: str, **fields: Any) -> Act:
    return lambda scene: scene.alice.ask(message_type, chat_group_id=scene.club_id, **fields)


def too_often(scene: Scene) -> dict[str, Any]:
    """Send until the server refuses: a slow one refills the bucket while it works through a batch."""
    answers: list[dict[str, Any]] = []
    while not any(answer["message_type"] == "error_message" for answer in answers):
        scene.alice.raw(b'{"message_type":"chat_message","chat_group_id":1,"content":"!"}\n' * 50)
        answers += [scene.alice.next() for _ in range(50)]
    assert sum(answer["message_type"] == "chat_message" for answer in answers) >= 60
    return next(answer for answer in answers if answer["message_type"] == "error_message")


def chatterbox(scene: Scene) -> dict[str, Any]:
    with scene.maker("chatterbox", members=[]) as lines:
        lines.raw(b'{"message_type":"heartbeat"}\n' * 600)
        return next(answer for answer in (lines.next() for _ in range(600)) if answer["message_type"] != "heartbeat")


def a_victim(scene: Scene) -> dict[str, Any]:
    with scene.stranger() as lines:
        lines.sign_in("carol")
    with scene.maker("mallory", "carol is in here", members=["carol"]) as lines:
        return lines.ask("create_chat_request", chat_name="here too", member_usernames=["carol"])


def a_crowd(scene: Scene) -> dict[str, Any]:
    with scene.maker("crowder", members=[]) as lines:
        return lines.ask("create_chat_request", chat_name="crowd", member_usernames=["alice", "bob", "polly"])


def a_landlord(scene: Scene) -> dict[str, Any]:
    with scene.maker("landlord", "house", "garden", members=[]) as lines:
        return lines.ask("create_chat_request", chat_name="castle", member_usernames=None)


def a_maker_in_haste(scene: Scene) -> dict[str, Any]:
    with scene.maker("hasty", "first", "second", members=[]) as lines:
        polling = PollingClient(HttpTransport(scene.url))
        polling.login("hasty")
        polling.delete_room("first")
        polling.transport.close()  # type: ignore[attr-defined]
        return lines.ask("create_chat_request", chat_name="third", member_usernames=[])


BOUNDS = {  # instead of 20, 200, 60, 30, 300 and 500 MiB
    "CHAT_ROOMS_AT_ONCE": "2",
    "CHAT_ROOMS_OWNED": "2",
    "CHAT_PEOPLE_ADDED_PER_MINUTE": "2",
    "CHAT_STRANGERS_ROOMS": "1",
    "CHAT_REQUESTS_AT_ONCE": "200",
    "CHAT_STORAGE_PER_DAY": "1000",
}
UPLOAD = {"filename": "f", "file_size": 1}
NEEDS_LOGIN = [
    "logout_request", "chat_message", "user_info_request", "list_users_request", "list_chats_request",
    "create_chat_request", "join_chat_request", "enter_chat_request", "file_list_request", "file_upload_request",
    "file_download_request",
]  # fmt: skip
ACTS: dict[tuple[str, str], list[Act]] = {
    ("any", "not one JSON object in the line"): [
        line(data) for data in (b"{", b"[]", b"1", b'"x"', b"\xff{}", b'{"a":NaN}', b'{"a":"\\u0000"}', b"{}{}")
    ],
    ("any", "no message_type, or one that is not known"): [
        line(b"{}"), line(b'{"message_type":null}'), line(b'{"message_type":["login_request"]}'),
        line(b'{"message_type":"error_message"}'), line(b'{"message_type":"LOGIN_REQUEST"}'),
    ],
    ("any", "a field missing, or of a wrong type or length"): [
        by_stranger("login_request", username="alice"),
        by_stranger("login_request", username=1, password="secret1"),
        by_stranger("register_request", username="x" * 500, password="secret1"),
        by_alice("chat_message", chat_group_id=1),
        by_alice("chat_message", chat_group_id=1, content=5),
        by_alice("chat_message", chat_group_id=True, content="x"),
        by_alice("chat_message", chat_group_id=1, content="x", client_message_id=""),
        by_alice("create_chat_request", chat_name="x", member_usernames="bob"),
        by_alice("create_chat_request", chat_name="x", member_usernames=[1]),
        by_alice("join_chat_request"),
        by_alice("enter_chat_request", chat_name=None),
        by_alice("file_upload_request", filename="f", chat_group_id=1),
        by_alice("file_download_request", file_id="one"),
    ],
    ("any", "not logged in"): [by_stranger(kind) for kind in NEEDS_LOGIN],
    ("any", "a line over 64 KiB"): [line(b"x" * 65537), line(b'{"message_type":"' + b"x" * 70000)],
    ("any", "too often, once logged in"): [chatterbox],
    ("register_request", "the username is taken"): [
        by_stranger("register_request", username="ALICE", password="secret1")
    ],
    ("register_request", "the username or password is not well-formed"): [
        by_stranger("register_request", username=" x", password="secret1"),
        by_stranger("register_request", username="\u0301", password="secret1"),
        by_stranger("register_request", username="x", password="short"),
    ],
    ("login_request", "wrong username or password"): [
        by_stranger("login_request", username="alice", password="secret2"),
        by_stranger("login_request", username="nobody", password="secret1"),
    ],
    ("login_request", "logged in already"): [by_alice("login_request", username="alice", password="secret1")],
    ("chat_message", "no such group"): [
        by_alice("chat_message", chat_group_name="nowhere", content="x"),
        by_alice("chat_message", chat_group_id=0, content="x"),
        by_alice("chat_message", chat_group_id=-(2**70), content="x"),
    ],
    ("chat_message", "not a member"): [in_club("chat_message", content="x")],
    ("chat_message", "empty or too long"): [
        by_alice("chat_message", chat_group_id=1, content=""),
        by_alice("chat_message", chat_group_id=1, content="x" * 4001),
    ],
    ("chat_message", "no group named, none entered"): [by_alice("chat_message", content="x")],
    ("chat_message", "too often"): [too_often],
    ("list_users_request", "not a member"): [in_club("list_users_request", list_type="current_chat")],
    ("list_chats_request", "an unknown list_type"): [by_alice("list_chats_request", list_type="mine")],
    ("create_chat_request", "the name is taken"): [by_alice("create_chat_request", chat_name="CLUB")],
    ("create_chat_request", "the name is not well-formed, or reserved"): [
        by_alice("create_chat_request", chat_name=name) for name in ("", " x", "\u0301", "x" * 61, "feedback", "x #1")
    ],
    ("create_chat_request", "an unknown member: nothing is made"): [
        by_alice("create_chat_request", chat_name="new", member_usernames=["bob", "nobody"])
    ],
    ("create_chat_request", "a member who cannot be added now: nothing is made"): [a_victim],
    ("create_chat_request", "more than 60 members at once: nothing is made"): [a_crowd],
    ("create_chat_request", "you own 200 groups"): [a_landlord],
    ("create_chat_request", "too often"): [a_maker_in_haste],
    ("join_chat_request", "no such group"): [by_alice("join_chat_request", chat_name="new")],
    ("join_chat_request", "the group has a passwd"): [by_alice("join_chat_request", chat_name="locked")],
    ("enter_chat_request", "no such group"): [by_alice("enter_chat_request", chat_name="new")],
    ("enter_chat_request", "not a member"): [
        by_alice("enter_chat_request", chat_name=name) for name in ("club", "locked")
    ],
    ("file_list_request", "no such group"): [by_alice("file_list_request", chat_group_id=999)],
    ("file_list_request", "not a member"): [in_club("file_list_request")],
    ("file_upload_request", "no such group"): [by_alice("file_upload_request", chat_group_id=999, **UPLOAD)],
    ("file_upload_request", "not a member"): [in_club("file_upload_request", **UPLOAD)],
    ("file_upload_request", "too large"): [
        by_alice("file_upload_request", filename="f", file_size=size, chat_group_id=1) for size in (20971521, 2**70)
    ],
    ("file_upload_request", "more than is left of your 500 MiB a day"): [
        by_alice("file_upload_request", filename="f", file_size=1001, chat_group_id=1)
    ],
    ("file_upload_request", "the server's disk is nearly full"): [
        lambda scene: scene.elsewhere.ask("file_upload_request", filename="f", file_size=1, chat_group_id=1)
    ],
    ("file_download_request", "no such file, or of a group that one is not in"): [
        lambda scene: scene.alice.ask("file_download_request", file_id=scene.file_id),
        by_alice("file_download_request", file_id=999),
        by_alice("file_download_request", file_id=2**70),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def scene(serve: Callable[..., Server]) -> Iterator[Scene]:
    server, full = serve(**BOUNDS), serve(CHAT_DISK_FREE_MIN=str(2**50))
    with Lines(full.tcp_port) as elsewhere, Lines(server.tcp_port) as alice:
        elsewhere.sign_in("alice")
        alice.sign_in("alice")
        with Lines(server.tcp_port) as bob:
            bob.sign_in("bob")
            club_id = bob.ask("create_chat_request", chat_name="club", member_usernames=[])["chat_group_id"]
            bob.ask("file_upload_request", filename="f", file_size=1, chat_group_id=club_id)
            bob.raw(b"x")
            file_id = bob.next()["file_id"]
        polly = PollingClient(by_http := HttpTransport(server.url))
        polly.register("polly")
        polly.create_room("locked", passwd="xyzzy")
        by_http.close()
        yield Scene(server.tcp_port, server.url, alice, elsewhere, file_id, club_id)


def test_the_table_and_the_tests_are_of_the_same_rows() -> None:
    assert [(request, failure) for request, failure, _ in ROWS] == list(ACTS)


@pytest.mark.parametrize(
    ("request_", "failure", "answer"),
    [
        # The disk of a database host is not the server's.
        pytest.param(*row, marks=pytest.mark.sqlite_only) if row[1] == "the server's disk is nearly full" else row
        for row in ROWS
    ],
)
def test_a_row(scene: Scene, request_: str, failure: str, answer: str) -> None:
    if failure != "too often":
        scene.alice.until_quiet(0)
    for act in ACTS[request_, failure]:
        got = act(scene)
        if answer.endswith("_response"):
            assert (got["message_type"], got["success"]) == (answer, False)
            assert got["error_message"]
        else:
            assert got["message_type"] == "error_message", got
            assert str(got["error_code"]) == answer.split(",")[0], got
        assert any("\u4e00" <= char <= "\u9fff" for char in got["error_message"])


def test_the_connection_stays(scene: Scene) -> None:
    with scene.stranger() as lines:
        lines.raw(b"{\n\xff\n[]\n")
        assert [lines.next()["error_code"] for _ in range(3)] == [1008] * 3
        assert lines.ask("heartbeat")["message_type"] == "heartbeat"
