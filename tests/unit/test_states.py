"""The states of connections: the tables of legal moves, and that tests hold connections to them."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from chat.server.bounded_connection import BoundedConnection
from chat.server.states import IN_PROGRESS, MOVES, READS, STREAM_MOVES, State, StreamState
from tests import moves

moves.check()


@pytest.fixture
def connection() -> BoundedConnection:
    worker: Any = object()
    return BoundedConnection(worker)


@pytest.mark.parametrize(("moves", "first"), [(MOVES, State.IDLE), (STREAM_MOVES, StreamState.NEW)])
def test_every_state_can_be_reached_and_ends(moves: Mapping[Any, Collection[Any]], first: Any) -> None:
    reached = {first}
    for _ in moves:
        reached |= {to for at in reached for to in moves[at]}
    assert reached == moves.keys() == set(type(first).__members__.values())
    assert sum(not following for following in moves.values()) == 1


def test_every_connection_can_be_lost() -> None:
    assert all(State.GONE in following for state, following in MOVES.items() if state is not State.GONE)
    for state in (StreamState.NEW, StreamState.OPEN, StreamState.CLOSING):
        assert StreamState.GONE in STREAM_MOVES[state]


def test_nothing_follows_the_end_and_only_requests_in_progress_are_held_or_sent() -> None:
    assert not MOVES[State.GONE]
    assert MOVES[State.CLOSING] == {State.GONE}
    for state, following in MOVES.items():
        if not following.isdisjoint({State.SENDING, State.HELD}):
            assert state in (*READS, *IN_PROGRESS)


def test_an_illegal_move_is_noticed(connection: BoundedConnection) -> None:
    connection.state = State.WORKING
    connection.state = State.WORKING
    connection.state = State.CLOSING
    with pytest.raises(moves.IllegalMoveError, match="CLOSING -> WORKING"):
        connection.state = State.WORKING
