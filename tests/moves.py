"""Checks each change of a connection's state against the tables of legal moves. Servers under test load it, too."""

from collections.abc import Collection, Mapping
from typing import Any

from chat.server.bounded_connection import BoundedConnection
from chat.server.states import MOVES, STREAM_MOVES, State, StreamState
from chat.server.stream_transport import StreamTransport


class IllegalMoveError(AssertionError):
    pass


class _Checked:
    """A data descriptor around the slot `state`."""

    moves: Mapping[Any, Collection[Any]] = {**MOVES, **STREAM_MOVES}

    def __init__(self, slot: Any) -> None:
        self._slot = slot

    def __get__(self, connection: Any, owner: type) -> Any:
        return self if connection is None else self._slot.__get__(connection, owner)

    def __set__(self, connection: Any, new: State | StreamState) -> None:
        try:
            old = self._slot.__get__(connection)
        except AttributeError:  # it is being created
            old = new
        if new is not old and new not in self.moves[old]:
            raise IllegalMoveError(f"{type(connection).__name__}: {old.name} -> {new.name}")
        self._slot.__set__(connection, new)


def check() -> None:
    """From now on, illegal moves raise IllegalMoveError, which closes the connection."""
    for kind in (BoundedConnection, StreamTransport):
        slot = vars(kind)["state"]
        if not isinstance(slot, _Checked):
            setattr(kind, "state", _Checked(slot))  # noqa: B010
