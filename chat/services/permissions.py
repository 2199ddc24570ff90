"""Who may do what in a room: one table, for all protocols (specs, "Room")."""

from enum import Enum, auto

from chat.errors import ChatError, ErrorCode
from chat.models import Role


class Action(Enum):
    DELETE_ROOM = auto()


ALLOWED: dict[Action, frozenset[Role]] = {
    Action.DELETE_ROOM: frozenset({Role.OWNER}),
}


def require(action: Action, role: str | None) -> None:
    """Raise FORBIDDEN unless a member in that role (None: no member) may do it."""
    if role is None or Role(role) not in ALLOWED[action]:
        raise ChatError(ErrorCode.FORBIDDEN)
