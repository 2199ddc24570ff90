"""Who may do what in a room: one table, for all protocols (specs, "Room")."""

from enum import Enum, auto

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Role


class Action(Enum):
    DELETE_ROOM = auto()
    # Adding somebody to the room, in that role.
    ADD_MEMBER = auto()
    ADD_ADMIN = auto()
    ADD_OWNER = auto()


_Roles = frozenset[Role]
_NOBODY: _Roles = frozenset()
_OWNER: _Roles = frozenset({Role.OWNER})
_OWNER_AND_ADMINS: _Roles = frozenset({Role.OWNER, Role.ADMIN})
_ALL: _Roles = frozenset(Role)

ALLOWED: dict[Action, dict[Access, _Roles]] = {
    Action.DELETE_ROOM: {
        Access.OPEN: _OWNER,
        Access.INVITE: _OWNER,
        Access.GROUP: _OWNER,
        Access.DIRECT: _NOBODY,
    },
    Action.ADD_MEMBER: {
        Access.OPEN: _ALL,
        Access.INVITE: _ALL,
        Access.GROUP: _OWNER_AND_ADMINS,
        Access.DIRECT: _NOBODY,
    },
    Action.ADD_ADMIN: {
        Access.OPEN: _OWNER,
        Access.INVITE: _OWNER,
        Access.GROUP: _OWNER,
        Access.DIRECT: _NOBODY,
    },
    Action.ADD_OWNER: dict.fromkeys(Access, _NOBODY),
}
ADDING = {Role.MEMBER: Action.ADD_MEMBER, Role.ADMIN: Action.ADD_ADMIN, Role.OWNER: Action.ADD_OWNER}


def allows(action: Action, access: Access, role: Role | None) -> bool:
    """Whether one in that role (None: no member) may do it in a room of that access."""
    return role in ALLOWED[action][access]


def require(action: Action, access: Access, role: Role | None) -> None:
    """Raise FORBIDDEN unless it is allowed."""
    if not allows(action, access, role):
        raise ChatError(ErrorCode.FORBIDDEN)
