"""PostgreSQL's disk is full under a server: senders of each protocol are told, and nothing acknowledged is lost."""

import secrets
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from tests.contract.clients import HttpTransport, PollingClient
from tests.contract.ims_client import ImsGuest
from tests.contract.realtime_client import RealtimeClient
from tests.contract.roomapi_client import RoomapiClient
from tests.contract.tcp_client import TcpClient
from tests.databases import SECRET
from tests.integration.test_full_disk import SmallDisk
from tests.integration.test_full_disk import disk as disk
from tests.real_server import Server

TRIES = 500  # sends until none fits into the pages that the tables have


def polling_says(client: PollingClient, text: str) -> bool:
    body = {"roomname": "public", "new_message": {"type": "text", "content": text}}
    reply = client.call("POST", "/chat/send", body)
    if reply.status != 200:
        assert (reply.status, reply.json["status"]) == (503, "failure")
        assert int(reply.headers["Retry-After"]) >= 1
    return reply.status == 200


def roomapi_says(client: RoomapiClient, text: str) -> bool:
    reply = client.call("POST", "/api/message/send", {"room_id": 1, "type": "text", "content": text})
    if reply.status != 200:
        assert (reply.status, reply.json["code"], reply.json["data"]) == (503, 1, None)
    return reply.status == 200 and reply.json["code"] == 0


def ims_says(client: ImsGuest, text: str) -> bool:
    reply = client.call("POST", "/conversations/messages", {"conversationId": 1, "content": text})
    if reply.status != 200:
        assert (reply.status, reply.json["code"]) == (503, -9)
    return reply.status == 200


def realtime_says(client: RealtimeClient, text: str) -> bool:
    socket = client.entered["public"].socket
    socket.send({"msg": text})
    while "status" not in (answer := socket.next()):
        pass
    return answer["status"] is True


def tcp_says(client: TcpClient, text: str) -> bool:
    client.lines.send("chat_message", chat_group_name="public", content=text)
    while True:
        answer = client.lines.next()
        if answer["message_type"] == "error_message":
            assert answer["error_code"] == 1009
            return False
        if answer["sender_username"] == client.username:
            assert answer["content"] == text
            return True


SAYS: list[tuple[Any, Callable[[Any, str], bool]]] = [
    (PollingClient, polling_says),
    (RoomapiClient, roomapi_says),
    (ImsGuest, ims_says),
    (RealtimeClient, realtime_says),
    (TcpClient, tcp_says),
]


@pytest.fixture
def live(disk: SmallDisk, server: Callable[..., Server]) -> Server:
    settings = {"DATABASE_URL": disk.create(), "SECRET_KEY": SECRET, "CHAT_RATE_LIMITS": "off"}
    return server(workers=2, **settings)


@pytest.fixture
def people(live: Server) -> Iterator[list[tuple[Any, Callable[[Any, str], bool]]]]:
    made = [(kind(HttpTransport(live.url, live.tcp_port)), says) for kind, says in SAYS]
    for number, (client, _) in enumerate(made):
        client.register(f"p{number}")
    yield made
    for client, _ in made:
        client.close()


def test_senders_of_each_protocol_are_told_and_nothing_acknowledged_is_lost(
    disk: SmallDisk, live: Server, people: list[tuple[Any, Callable[[Any, str], bool]]]
) -> None:
    numbers, stored = count(), list[str]()
    workers = live.worker_pids()

    def send(client: Any, says: Callable[[Any, str], bool]) -> bool:
        text = f"{next(numbers)} {secrets.token_hex(120)}"
        if says(client, text):
            stored.append(text)
            return True
        return False

    assert all(send(*each) for each in people)
    disk.fill()
    for each in people * 2:
        assert not all(send(*each) for _ in range(TRIES)), each
    reader: PollingClient = people[0][0]
    assert shown(reader) == stored, "reads go on"
    disk.free()
    assert all(send(*each) for each in people)
    assert shown(reader) == stored
    assert live.worker_pids() == workers
    assert "Traceback" not in live.log.read_text()


def shown(reader: PollingClient) -> list[str]:
    """All texts of the lobby."""
    texts: list[str] = []
    before = ""
    while page := reader.ok("GET", f"/chat/history?roomname=public&limit=500&before={before}")["messages"]:
        texts = [message["content"] for message in page] + texts
        before = page[0]["timestamp"]
    return texts
