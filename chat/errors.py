"""Failures as codes with data: no HTTP status, no text for users.

Each protocol maps ErrorCode to its own status, code and text in one table (`protocols/*/errors.py`).
"""

from enum import Enum, auto


class ErrorCode(Enum):
    """Every failure that services and the HTTP layer can report. Comments list the data that accompanies each."""

    # the request itself
    BODY_MALFORMED = auto()  # reason
    BODY_TOO_LARGE = auto()  # limit (bytes)
    FIELD_MISSING = auto()  # field
    FIELD_INVALID = auto()  # field
    CURSOR_INVALID = auto()  # room
    PATH_UNKNOWN = auto()  # path
    METHOD_NOT_ALLOWED = auto()  # method
    ORIGIN_FOREIGN = auto()  # origin
    RATE_LIMITED = auto()  # retry_after (s)
    UPGRADE_REQUIRED = auto()  # the path accepts only WebSocket handshakes (version 13)
    HANDSHAKE_INVALID = auto()  # reason
    REQUEST_REFUSED = auto()  # reason: before it was routed; it comes with an HTTP status of its own
    # accounts and sessions
    NOT_SIGNED_IN = auto()
    CREDENTIALS_WRONG = auto()
    USERNAME_TAKEN = auto()  # username
    USERNAME_INVALID = auto()
    DISABLED = auto()  # by a teacher
    REGISTRATION_CLOSED = auto()
    JOIN_CODE_WRONG = auto()  # or none where one is needed
    PASSWORD_INVALID = auto()  # min, max (characters)
    USER_NOT_FOUND = auto()  # username (or id, as requested)
    USER_DELETED = auto()
    EMAIL_INVALID = auto()
    NICKNAME_INVALID = auto()
    NICKNAME_TAKEN = auto()  # nickname: another user's username
    TEACHERS_NAME = auto()  # name: it looks like a teacher's
    LOOKS_LIKE_OTHER = auto()  # username: of somebody whose name looks like that of the teacher to be
    NAMES_FIXED = auto()  # a setting of the site: only teachers change names
    MAIL_NOT_SENT = auto()
    # rooms room (name or id, as requested); also if the caller may not know of it. exists: a room has that id
    ROOM_NOT_FOUND = auto()
    ROOM_NAME_TAKEN = auto()  # room
    ROOM_NAME_INVALID = auto()
    ROOM_NAME_RESERVED = auto()  # room
    ROOM_LABEL_INVALID = auto()
    ROOM_PASSWD_NEEDED = auto()
    ROOM_PASSWD_WRONG = auto()  # room
    ROOMS_BY_TEACHERS = auto()  # a setting of the site
    PRIVATE_ROOMS_OFF = auto()  # a setting of the site
    DIRECTS_OFF = auto()  # a setting of the site
    ALREADY_MEMBER = auto()  # username (or id, as requested)
    ROOMS_OWNED = auto()  # limit: the number of rooms the caller may own
    ADDED_TOO_MANY = auto()  # limit: the number of people that may be added at once
    CANNOT_BE_ADDED = auto()  # neither user nor reason is disclosed
    BARRED = auto()  # that user must not come back into the room
    ARCHIVED = auto()  # nobody writes in the room any more
    READ_ONLY = auto()  # only the room's owner, admins and teachers write in it
    MUTED = auto()  # retry_after (s)
    SLOW_MODE = auto()  # retry_after (s): between two messages of one person in the room
    TICKET_INVALID = auto()
    FORBIDDEN = auto()
    NOT_MEMBER = auto()  # username (or id, as requested) of another user
    ROLE_UNCHANGED = auto()  # they already have that role
    SELF_MEANT = auto()  # an action that is only possible on other users
    ADMIN_PROTECTED = auto()  # the caller may remove members, but not this one
    # teachers
    NOT_TEACHER = auto()
    LAST_TEACHER = auto()  # the site must not be left without a teacher
    CLAIM_INVALID = auto()
    SETTINGS_CHANGED = auto()  # by another teacher meanwhile
    ROSTER_INVALID = auto()  # complaint
    ROSTER_CHANGED = auto()  # an account or room has changed since the check
    IMPORT_RUNNING = auto()
    IMPORT_UNKNOWN = auto()
    # friends, groups
    NOT_FRIENDS = auto()
    ALREADY_FRIENDS = auto()
    FRIEND_NOT_FOUND = auto()  # the two have never been friends
    REQUEST_PENDING = auto()
    REQUEST_NOT_FOUND = auto()
    FRIEND_GROUP_NOT_FOUND = auto()
    FRIEND_GROUP_TAKEN = auto()
    IN_FRIEND_GROUP = auto()
    NOT_IN_FRIEND_GROUP = auto()
    TOO_MANY = auto()  # limit: the number that the caller or the room may have
    ANNOUNCEMENT_NOT_FOUND = auto()
    INVITATION_NOT_FOUND = auto()
    INVITATION_ANSWERED = auto()
    # limit: the number that the caller or the room may have
    MESSAGE_NOT_FOUND = auto()
    REPLY_NOT_FOUND = auto()
    NOT_SENDER = auto()  # only the sender can do that to a message
    NOT_A_TEXT = auto()
    EDIT_TOO_LATE = auto()  # minutes
    REACTION_INVALID = auto()  # no emoji
    REACTIONS_TOO_MANY = auto()  # limit (kinds)
    PINS_TOO_MANY = auto()  # limit (of a room)
    SEEN_BY_OFF = auto()  # a setting of the room: readers are not shown
    EDIT_CROSSED = auto()  # the message was edited meanwhile
    EQUATION_INVALID = auto()
    MESSAGE_EMPTY = auto()
    MESSAGE_TOO_LONG = auto()  # limit (characters)
    MESSAGE_TYPE_UNKNOWN = auto()
    MESSAGE_ID_INVALID = auto()
    IMAGE_INVALID = auto()
    IMAGE_TOO_LARGE = auto()  # limit (bytes)
    FILE_NOT_FOUND = auto()
    FILE_EMPTY = auto()
    FILE_TOO_LARGE = auto()  # limit (bytes)
    # storage
    QUOTA_USED = auto()  # limit (bytes a day), retry_after (s)
    STORAGE_FULL = auto()  # the server's limit or its disk
    # the server
    UNAVAILABLE = auto()  # retry_after (s)
    SOCKETS_UNAVAILABLE = auto()  # not running under LiveWorker
    INTERNAL = auto()


# By everything that writes in a room, and by what stores a message there.
WRITING = (ErrorCode.ARCHIVED, ErrorCode.READ_ONLY, ErrorCode.MUTED)
SENDING = (*WRITING, ErrorCode.SLOW_MODE, ErrorCode.QUOTA_USED)
# Raised where texts are sent, and in addition where pictures are.
SENDING_TEXT = (
    *SENDING,
    ErrorCode.NOT_FRIENDS,
    ErrorCode.MESSAGE_EMPTY,
    ErrorCode.MESSAGE_TOO_LONG,
    ErrorCode.MESSAGE_ID_INVALID,
)
SENDING_PICTURE = (ErrorCode.IMAGE_INVALID, ErrorCode.IMAGE_TOO_LARGE, ErrorCode.STORAGE_FULL)
# Failures of registering an account.
REGISTERING = (
    ErrorCode.REGISTRATION_CLOSED,
    ErrorCode.JOIN_CODE_WRONG,
    ErrorCode.PASSWORD_INVALID,
    ErrorCode.USERNAME_TAKEN,
    ErrorCode.TEACHERS_NAME,
)


class ChatError(Exception):
    """A failure: a code with the data that explains it."""

    def __init__(self, code: ErrorCode, **data: object) -> None:
        super().__init__(code.name, data)
        self.code = code
        self.data = data
