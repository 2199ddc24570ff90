"""One server for all tests of a module, each of which has users and rooms of its own."""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.tcp_client import Lines
from tests.real_server import Server

_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")

Connect = Callable[..., Lines]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def live(serve: Callable[..., Server]) -> Server:
    return serve(CHAT_RATE_LIMITS="off", CHAT_TIMEZONE="Asia/Shanghai", CHAT_FILE_MAX_BYTES="8000000")


@pytest.fixture
def connect(live: Server) -> Iterator[Connect]:
    """Connections, logged in if a stem of a username is given, which becomes unique per test."""
    made: list[Lines] = []

    def make(stem: str = "", **options: Any) -> Lines:
        lines = Lines(live.tcp_port, **options)
        made.append(lines)
        if stem:
            lines.username = f"{stem} {next(_numbers)}"
            lines.user_id = lines.sign_in(lines.username)
        return lines

    yield make
    for each in made:
        each.close()


@pytest.fixture
def room() -> str:
    """A name that no other test has for a room."""
    return f"room {next(_numbers)}"


def create(owner: Lines, room: str, *members: Lines) -> int:
    """Create a group and return its id."""
    answer = owner.ask("create_chat_request", chat_name=room, member_usernames=[each.username for each in members])
    assert answer["success"], answer
    assert (answer["chat_name"], answer["error_message"]) == (room, None)
    return int(answer["chat_group_id"])


def enter(client: Lines, room: str) -> list[dict[str, Any]]:
    """Enter a group: the history."""
    assert client.ask("enter_chat_request", chat_name=room)["success"]
    history = []
    while (message := client.next())["message_type"] == "chat_history":
        assert _DATE.fullmatch(message["timestamp"]), "the published client shows it as it is"
        history.append(message)
    assert message["message_type"] == "chat_history_complete"
    assert message["message_count"] == len(history)
    return history
