"""Who may do what in a room: one table, for all protocols (specs, "Room")."""

from enum import Enum, auto

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Role
from chat.services.lookups import FoundRoom


class Action(Enum):
    DELETE_ROOM = auto()
    CHANGE_ROOM = auto()  # its title, its avatar
    LEAVE = auto()
    # Adding somebody to the room, in that role.
    ADD_MEMBER = auto()
    ADD_ADMIN = auto()
    ADD_OWNER = auto()
    INVITE = auto()  # so that those who may add do it, or refuse
    ANSWER_INVITATION = auto()
    # Putting out somebody of that role.
    REMOVE_MEMBER = auto()
    REMOVE_ADMIN = auto()
    REMOVE_OWNER = auto()
    CHANGE_ROLES = auto()
    TRANSFER = auto()
    ANNOUNCE = auto()  # and take announcements back
    DELETE_MESSAGE = auto()  # of somebody else


_Roles = frozenset[Role]
_NOBODY: _Roles = frozenset()
_OWNER: _Roles = frozenset({Role.OWNER})
_OWNER_AND_ADMINS: _Roles = frozenset({Role.OWNER, Role.ADMIN})
_ALL: _Roles = frozenset(Role)


def _rooms(roles: _Roles, *, group: _Roles | None = None) -> dict[Access, _Roles]:
    """These in all rooms, but perhaps in ims's groups; in direct conversations nobody."""
    return dict.fromkeys(Access, roles) | {Access.GROUP: roles if group is None else group, Access.DIRECT: _NOBODY}


ALLOWED: dict[Action, dict[Access, _Roles]] = {
    Action.DELETE_ROOM: _rooms(_OWNER),
    Action.CHANGE_ROOM: _rooms(_OWNER_AND_ADMINS),
    Action.LEAVE: _rooms(_ALL),
    Action.ADD_MEMBER: _rooms(_ALL, group=_OWNER_AND_ADMINS),
    Action.ADD_ADMIN: _rooms(_OWNER),
    Action.ADD_OWNER: _rooms(_NOBODY),
    Action.INVITE: _rooms(_NOBODY, group=_ALL),
    Action.ANSWER_INVITATION: _rooms(_OWNER_AND_ADMINS),
    Action.REMOVE_MEMBER: _rooms(_OWNER_AND_ADMINS),
    Action.REMOVE_ADMIN: _rooms(_OWNER),
    Action.REMOVE_OWNER: _rooms(_NOBODY),
    Action.CHANGE_ROLES: _rooms(_OWNER),
    Action.TRANSFER: _rooms(_OWNER),
    Action.ANNOUNCE: _rooms(_OWNER_AND_ADMINS),
    Action.DELETE_MESSAGE: _rooms(_OWNER_AND_ADMINS),
}
ADDING = {Role.MEMBER: Action.ADD_MEMBER, Role.ADMIN: Action.ADD_ADMIN, Role.OWNER: Action.ADD_OWNER}
REMOVING = {Role.MEMBER: Action.REMOVE_MEMBER, Role.ADMIN: Action.REMOVE_ADMIN, Role.OWNER: Action.REMOVE_OWNER}


def allows(action: Action, access: Access, role: Role | None) -> bool:
    """Whether one in that role (None: no member) may do it in a room of that access."""
    return role in ALLOWED[action][access]


def require(action: Action, room: FoundRoom) -> None:
    """Raise FORBIDDEN unless who looked the room up may do it there."""
    if not allows(action, room.access, room.role):
        raise forbidden(room)


def forbidden(room: FoundRoom) -> ChatError:
    """The error. for_all: nobody may, as the room has no owner."""
    return ChatError(ErrorCode.FORBIDDEN, for_all=room.is_lobby or room.access is Access.DIRECT)
