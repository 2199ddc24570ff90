"""Read marks of held pulls."""

import json

import pytest
from flask import Flask

from chat.models import Actor
from chat.services import Services
from chat.services.messages import Draft
from tests.database import wait_for_the_bus
from tests.unit.long_poll.conftest import FUTURE, end, park


def test_the_furthest_of_its_cursors_is_the_read_mark(app: Flask, token: str, chat: Services, bob: Actor) -> None:
    """Two tabs of a browser may share a connection, and one of them lag behind."""
    parked = park(app, token, {"public": FUTURE})
    times = [chat.messages.send(bob, "public", Draft(text=str(n))).time for n in range(3)]
    for cursor in (times[2], times[0]):
        parked.is_held = False
        parked.again(json.dumps({"public": cursor / 1e6}).encode())
    end(parked)
    chat.read_marks.flush()
    assert chat.read_marks.written_mark(parked.user_id, 1) == times[2]


def test_a_cursor_that_goes_back_in_one_room_leaves_its_read_mark(
    app: Flask, token: str, chat: Services, bob: Actor
) -> None:
    club = chat.rooms.create(bob, "club", members=["alice"])
    wait_for_the_bus(chat)
    parked = park(app, token, {"public": FUTURE, "club": FUTURE})
    rooms = ("club", "public", "public", "club")
    first, second, third, fourth = (chat.messages.send(bob, room, Draft(text=room)).time for room in rooms)
    for public, at_club in ((third, first), (second, fourth)):  # the sum of the two grows
        parked.is_held = False
        parked.again(json.dumps({"public": public / 1e6, "club": at_club / 1e6}).encode())
    end(parked)
    chat.read_marks.flush()
    marks = [chat.read_marks.written_mark(parked.user_id, room_id) for room_id in (1, club)]
    assert marks == [third, fourth]


@pytest.mark.parametrize(("looked_at", "is_read"), [("0", False), ("1", True)])
def test_later_pulls_mark_only_rooms_on_screen(
    app: Flask, token: str, chat: Services, bob: Actor, looked_at: str, is_read: bool
) -> None:
    parked = park(app, token, {"public": FUTURE}, f"&read={looked_at}")
    before = chat.read_marks.written_mark(parked.user_id, 1)
    times = [chat.messages.send(bob, "public", Draft(text=str(n))).time for n in range(2)]
    for cursor in (times[1], times[0]):
        parked.is_held = False
        parked.again(json.dumps({"public": cursor / 1e6}).encode())
        chat.read_marks.flush()
    end(parked)
    chat.read_marks.flush()
    assert chat.read_marks.written_mark(parked.user_id, 1) == (times[1] if is_read else before)
