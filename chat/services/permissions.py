"""Permissions in rooms: one table of actions and roles for all protocols (docs/specification.md, "Room")."""

from enum import Enum, auto

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Role
from chat.services.access import FoundRoom


class Action(Enum):
    DELETE_ROOM = auto()
    CHANGE_ROOM = auto()  # title and avatar
    LEAVE = auto()
    # Adding a user with that role.
    ADD_MEMBER = auto()
    ADD_ADMIN = auto()
    ADD_OWNER = auto()
    INVITE = auto()  # propose a user, for authorised members to approve
    ANSWER_INVITATION = auto()
    # Removing a member with that role.
    REMOVE_MEMBER = auto()
    REMOVE_ADMIN = auto()
    REMOVE_OWNER = auto()
    CHANGE_ROLES = auto()
    TRANSFER = auto()
    ANNOUNCE = auto()  # also deletes announcements
    MENTION_ALL = auto()
    JOIN_CODE = auto()  # see it, renew it, switch it off
    DELETE_MESSAGE = auto()  # of another user
    SETTINGS = auto()  # topic, read-only, slow mode
    ARCHIVE = auto()
    PIN = auto()
    # Muting a member with that role.
    MUTE_MEMBER = auto()
    MUTE_ADMIN = auto()
    MUTE_OWNER = auto()
    AUDIT = auto()  # read the audit log
    EXPORT = auto()  # all messages, as a ZIP
    WRITE_ANYTIME = auto()  # in a read-only room, and without slow mode's pauses


_Roles = frozenset[Role]
_NOBODY: _Roles = frozenset()
_OWNER: _Roles = frozenset({Role.OWNER})
_OWNER_AND_ADMINS: _Roles = frozenset({Role.OWNER, Role.ADMIN})
_ALL: _Roles = frozenset(Role)


def _rooms(roles: _Roles, *, group: _Roles | None = None) -> dict[Access, _Roles]:
    """Return the roles for all kinds of rooms: `group` for ims's groups if given, nobody in direct conversations."""
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
    Action.MENTION_ALL: _rooms(_OWNER_AND_ADMINS),
    Action.JOIN_CODE: _rooms(_OWNER_AND_ADMINS),
    Action.DELETE_MESSAGE: _rooms(_OWNER_AND_ADMINS),
    Action.SETTINGS: _rooms(_OWNER_AND_ADMINS),
    Action.ARCHIVE: _rooms(_OWNER_AND_ADMINS),
    Action.PIN: _rooms(_OWNER_AND_ADMINS),
    Action.MUTE_MEMBER: _rooms(_OWNER_AND_ADMINS),
    Action.MUTE_ADMIN: _rooms(_OWNER),
    Action.MUTE_OWNER: _rooms(_NOBODY),
    Action.AUDIT: _rooms(_OWNER_AND_ADMINS),
    Action.EXPORT: _rooms(_OWNER),
    Action.WRITE_ANYTIME: _rooms(_OWNER_AND_ADMINS),
}
# The lobby has no owner and follows the settings: these actions are closed to teachers, too.
NOT_IN_LOBBY = frozenset(
    {
        Action.DELETE_ROOM,
        Action.CHANGE_ROOM,
        Action.ARCHIVE,
        Action.ADD_ADMIN,
        Action.REMOVE_MEMBER,
        Action.REMOVE_ADMIN,
        Action.CHANGE_ROLES,
        Action.TRANSFER,
    }
)
# Teachers may do these in every room that they are in, private ones included.
OF_TEACHERS = frozenset({Action.WRITE_ANYTIME, Action.MENTION_ALL})
ADDING = {Role.MEMBER: Action.ADD_MEMBER, Role.ADMIN: Action.ADD_ADMIN, Role.OWNER: Action.ADD_OWNER}
MUTING = {Role.MEMBER: Action.MUTE_MEMBER, Role.ADMIN: Action.MUTE_ADMIN, Role.OWNER: Action.MUTE_OWNER}
REMOVING = {Role.MEMBER: Action.REMOVE_MEMBER, Role.ADMIN: Action.REMOVE_ADMIN, Role.OWNER: Action.REMOVE_OWNER}


def allows(action: Action, room: FoundRoom) -> bool:
    """Whether the room's caller may perform the action."""
    if room.is_lobby and action in NOT_IN_LOBBY:
        return False
    return room.rights in ALLOWED[action][room.access] or (room.is_asked_by_teacher and action in OF_TEACHERS)


def require(action: Action, room: FoundRoom) -> None:
    """Raise FORBIDDEN unless the room's caller may perform the action."""
    if not allows(action, room):
        raise forbidden(room)


def forbidden(room: FoundRoom) -> ChatError:
    """Return the error. for_all: nobody may, because the room has no owner."""
    return ChatError(ErrorCode.FORBIDDEN, for_all=room.is_lobby or room.access is Access.DIRECT)


def require_teacher(actor: Actor | None) -> None:
    """Raise NOT_TEACHER unless the actor is a teacher, or None: the administrator, on the command line."""
    if actor is not None and not actor.is_teacher:
        raise ChatError(ErrorCode.NOT_TEACHER)
