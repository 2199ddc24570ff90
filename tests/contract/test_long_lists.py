"""Long lists: the cost of a page at 5,000 entries, and the lane of a complete list."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, text, update

from chat.clock import system_clock
from chat.http.handler_session import HandlerSession
from chat.lanes import Lane, WrongLane
from chat.models import Message, User
from chat.protocols.tcp.connection import Conversation
from chat.protocols.tcp.routes import REQUESTS
from tests.conftest import services_of
from tests.contract.clients import FlaskTransport, PollingClient
from tests.contract.expensive import costs_at_most
from tests.peers import FakePeer

Fill = Callable[[int, int], None]
Tell = Callable[[dict[str, Any]], dict[str, Any]]
FIRST = 1000  # the first n
PAGE_CPU = 2  # units of 10 ms: see expensive.py
PAGE_BYTES = 64 * 1024
WIDE = "\U0001f600"  # four bytes

# One row per n; long(k) is a text of up to k characters. User 1 is alice, a teacher and a member of all rooms;
# room 1000 has the invitations, announcements and files; all members of room 1 have read message 1.
# Rooms with long texts are active: they have a message of the last minute.
ROWS = [
    """users (id, username, username_key, nickname, nickname_key, email, avatar, password_sha1, password_md5,
    created_at) SELECT n, 'user' || n, 'user' || n, long(32), long(32), long(250), long(2048), '', '', n""",
    """rooms (id, name, name_key, title, description, avatar, access, label, is_lobby, created_at, last_time)
    SELECT n, long(50) || ' #' || n, 'name' || n, long(50), long(1000), long(2048),
    CASE WHEN n = 1000 THEN 'group' WHEN n % 5 = 0 THEN 'direct' WHEN n % 2 = 0 THEN 'group' ELSE 'open' END, 'public',
    false, n,
    :now - 90000000 + n * 7919 % 5003""",
    """sessions (id, user_id, created_at, expires_at, online_until, protocol, program) SELECT 'session' || n, n, :now,
    :now + 60000000, :now + 60000000, 'polling', long(200)""",
    "memberships (room_id, user_id, role, joined_at, read_time) SELECT 1, n, 'member', n, :now",
    "memberships (room_id, user_id, role, joined_at, read_time) SELECT n, 1, 'owner', n, 0",
    "memberships (room_id, user_id, role, joined_at, read_time) SELECT n, n, 'member', n, 0",
    "friendships (low_id, high_id, room_id, ended_at) SELECT 1, n, n, NULL",
    "friend_requests (sender_id, receiver_id, message, created_at, status) SELECT n, 1, long(255), n, 0",
    "friend_groups (id, owner_id, name) SELECT n, 1, long(12) || n",
    "friend_group_members (group_id, user_id) SELECT 1000, n",
    "invitations (room_id, sender_id, receiver_id, created_at, status) SELECT 1000, n, n, n, 0",
    "announcements (room_id, sender_id, content, created_at) SELECT 1000, n, long(1000), n",
    "attachments (id, name, media_type, size, filename, created_at) SELECT n, 'file' || n, '', 0, long(200), n",
    """messages (room_id, sender_id, time, type, content, attachment_id)
    SELECT 1000, n, :now - 120000000 + n, 'file', '', n""",
    """messages (room_id, sender_id, time, type, content, attachment_id)
    SELECT n, n, :now - 90000000 + n * 7919 % 5003, 'text', long(4000), NULL""",
    """audit (time, actor, action, room_id, room, subject, message_id, before, after)
    SELECT n, 'user' || n, 'message_edited', 1, 'public', long(50), n, '{"content": "' || long(4000) || '"}', '{}'""",
]
HTTP = {
    "/room/find?detail=1": "rooms",
    "/room/find?joined=1&detail=1": "rooms",
    "/room/members?roomname=public&detail=1": "members",
    "/api/room/list?": "data",
    "/api/room/members?room_id=1": "data",
    "/Room?": "",
    "/conversations?": "conversation",
    "/conversations/get_members?conversation_id=1": "members",
    "/friends?": "friends",
    "/friend_requests?": "requests",
    "/groups?": "groups",
    "/groups/members?group_id=1000": "members",
    "/conversations/manage/notifications?conversation_id=1000": "notifications",
    "/conversations/1000/invitation?": "invitations",
    "/room/seen?roomname=public&id=1": "readers",
    "/room/announcements?roomname=name1000": "announcements",
    "/site/people?": "people",
    "/site/now?": "people",
}
ALWAYS_PAGES = ["/room/audit?roomname=public", "/site/audit?"]
TCP: dict[str, dict[str, Any]] = {
    "chats": {"message_type": "list_chats_request"},
    "all chats": {"message_type": "list_chats_request", "list_type": "all"},
    "users": {"message_type": "list_users_request"},
    "a group's users": {"message_type": "list_users_request", "list_type": "current_chat", "chat_group_id": 1},
    "files": {"message_type": "file_list_request", "chat_group_id": 1000},
}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(rate_limits=False)
    services_of(app).rooms.ensure_lobby()
    user_id, _ = services_of(app).accounts.register("alice", "secret1", "192.0.2.1")
    with services_of(app).store.write() as tx:
        tx.execute(update(User).where(User.id == user_id).values(is_teacher=True))
        said = {"room_id": 1, "sender_id": user_id, "time": FIRST * 10, "type": "text", "content": "x"}
        tx.execute(insert(Message).values(said))
    return app


@pytest.fixture
def fill(app: Flask) -> Fill:
    """Write so many rows of each kind, the first and last `longest` with the longest texts that are possible."""

    def write(count: int, longest: int) -> None:
        last = FIRST + count - 1
        numbers = f"WITH RECURSIVE n(n) AS (SELECT {FIRST} UNION ALL SELECT n + 1 FROM n WHERE n < {last})"
        values_of = {"long": WIDE * 4000, "now": system_clock()}
        is_long = f"n < {FIRST + longest} OR n > {last - longest}"
        with services_of(app).store.write() as tx:
            for rows in ROWS:
                into, _, select = rows.partition("SELECT")
                values = select.replace("long(", f"substr(CASE WHEN {is_long} THEN :long ELSE 'ordinary' END, 1, ")
                sql = f"{numbers} INSERT INTO {into} SELECT {values} FROM n"
                given = {name: value for name, value in values_of.items() if f":{name}" in sql}
                tx.execute(text(sql), given)
            tx.execute(text("UPDATE rooms SET last_time = last_time + 60000000 WHERE length(description) > 8"))
            tx.execute(text("UPDATE messages SET time = time + 60000000 WHERE length(content) > 8"))

    return write


@pytest.fixture
def alice(app: Flask) -> PollingClient:
    client = PollingClient(FlaskTransport(app))
    client.login("alice", "secret1")
    return client


@pytest.fixture
def tell(app: Flask) -> Iterator[Tell]:
    """Send one line by tcp and return the answer."""
    session, peer = HandlerSession(app, lambda peer, chat: Conversation(peer, chat, None, REQUESTS)), FakePeer()
    session.opened(peer)

    def say(request: dict[str, Any]) -> dict[str, Any]:
        session.received(json.dumps(request).encode())
        answer: dict[str, Any] = peer.said[-1]
        return answer

    say({"message_type": "login_request", "username": "alice", "password": "secret1"})
    yield say
    session.closed()
    if peer.reader is not None:
        peer.reader.close()


def dumped(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def test_a_page_of_a_long_list_costs_little(fill: Fill, alice: PollingClient, tell: Tell) -> None:
    fill(5000, 200)
    for path in [*HTTP, *ALWAYS_PAGES]:
        page = alice.call("GET", path + "&limit=200")
        assert page.status == 200, page
        assert len(page.body) <= PAGE_BYTES, path
        if path in HTTP:
            assert alice.call("GET", path + "&limit=201").body == page.body, "more counts as 200"
        for more in ("&limit=100", "&limit=100&q=user4", "&limit=100&q=nobody"):
            assert costs_at_most(PAGE_CPU, lambda: alice.call("GET", path + more), 0), path + more  # noqa: B023
    for line in TCP.values():
        assert len(dumped(tell(line | {"limit": 200})).encode()) <= PAGE_BYTES, line
        assert costs_at_most(PAGE_CPU, lambda: tell(line | {"limit": 100}), 0), line  # noqa: B023


@pytest.fixture
def in_lane(monkeypatch: pytest.MonkeyPatch) -> Callable[[Lane | None], None]:
    """Make this thread run as if in a lane of LiveWorker."""
    return lambda lane: monkeypatch.setattr(threading.current_thread(), "lane", lane, raising=False)


def test_pages_and_whole_lists_have_the_same_entries(
    fill: Fill, alice: PollingClient, tell: Tell, in_lane: Callable[[Lane | None], None]
) -> None:
    """Pages are read in the ordinary lane, and cut by their size; a whole list over 100 entries changes the lane."""
    fill(110, 20)

    def http(path: str, key: str, more: str = "") -> tuple[list[Any], str]:
        reply = alice.call("GET", path + more)
        assert reply.status == 200, reply
        after = reply.json.get("next", "") if key else reply.headers.get("X-Next", "")
        return (reply.json[key] if key else reply.json), after

    def tcp(line: dict[str, Any], **more: Any) -> tuple[list[Any], str]:
        answer = tell(line | more)
        return next(value for value in answer.values() if isinstance(value, list)), answer.get("next", "")

    lists: dict[str, tuple[Callable[[], Any], Callable[[str], Any]]] = {
        path: (
            lambda path=path, key=key: http(path, key),  # type: ignore[misc]
            lambda after, path=path, key=key: http(path, key, f"&limit=100&after={after}"),  # type: ignore[misc]
        )
        for path, key in HTTP.items()
    }
    for name, line in TCP.items():
        lists[name] = (
            lambda line=line: tcp(line),  # type: ignore[misc]
            lambda after, line=line: tcp(line, limit=100, after=after),  # type: ignore[misc]
        )
    for name, (whole, page) in lists.items():
        in_lane(Lane.REST)
        with pytest.raises(WrongLane) as wrong:
            whole()
        assert wrong.value.lane is Lane.LONG, name
        found, after = page("")
        while after:
            entries, after = page(after)
            found = found + entries
        in_lane(Lane.LONG)
        entries, after = whole()
        assert sorted(map(dumped, entries)) == sorted(map(dumped, found)), name
        assert len(entries) >= 110, name
