"""What can go wrong, as codes with data: no HTTP, no text for users.

Each protocol keeps one table from ErrorCode to its own status, code and text (`protocols/*/errors.py`).
"""

from enum import Enum, auto


class ErrorCode(Enum):
    """Every failure the services and the HTTP layer can name. The data that goes with each is in the comment."""

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
    UPGRADE_REQUIRED = auto()  # the path is for WebSockets (version 13), and this is no handshake of theirs
    HANDSHAKE_INVALID = auto()  # reason
    # accounts and sessions
    NOT_SIGNED_IN = auto()
    CREDENTIALS_WRONG = auto()
    USERNAME_TAKEN = auto()  # username
    USERNAME_INVALID = auto()
    PASSWORD_INVALID = auto()  # min, max (characters)
    USER_NOT_FOUND = auto()  # username (or id, as asked for)
    USER_DELETED = auto()
    EMAIL_INVALID = auto()
    NICKNAME_INVALID = auto()
    MAIL_NOT_SENT = auto()
    # rooms
    # room (name or id, as asked for); also where the caller may not know of it. exists: one has that id
    ROOM_NOT_FOUND = auto()
    ROOM_NAME_TAKEN = auto()  # room
    ROOM_NAME_INVALID = auto()
    ROOM_NAME_RESERVED = auto()  # room
    ROOM_LABEL_INVALID = auto()
    ROOM_PASSWD_NEEDED = auto()
    ROOM_PASSWD_WRONG = auto()  # room
    ALREADY_MEMBER = auto()  # username (or id, as asked for)
    ROOMS_OWNED = auto()  # limit: the caller owns so many rooms already
    ADDED_TOO_MANY = auto()  # limit: people at once
    CANNOT_BE_ADDED = auto()  # it is not told who, nor why
    TICKET_INVALID = auto()
    FORBIDDEN = auto()
    NOT_MEMBER = auto()  # username (or id, as asked for): somebody else
    ROLE_UNCHANGED = auto()  # they are what they are to be made
    SELF_MEANT = auto()  # what one can only do to others
    ADMIN_PROTECTED = auto()  # who may put out members may not put out this one
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
    ANNOUNCEMENT_NOT_FOUND = auto()
    INVITATION_NOT_FOUND = auto()
    INVITATION_ANSWERED = auto()
    # messages
    MESSAGE_NOT_FOUND = auto()
    REPLY_NOT_FOUND = auto()
    MESSAGE_EMPTY = auto()
    MESSAGE_TOO_LONG = auto()  # limit (characters)
    MESSAGE_TYPE_UNKNOWN = auto()
    MESSAGE_ID_INVALID = auto()
    IMAGE_INVALID = auto()
    IMAGE_TOO_LARGE = auto()  # limit (bytes)
    FILE_NOT_FOUND = auto()
    FILE_TOO_LARGE = auto()  # limit (bytes)
    # storage
    QUOTA_USED = auto()  # limit (bytes a day), retry_after (s)
    STORAGE_FULL = auto()  # the server's bound, or its disk
    # the server
    UNAVAILABLE = auto()  # retry_after (s)
    SOCKETS_UNAVAILABLE = auto()  # not run by LiveWorker
    INTERNAL = auto()


# What only operations raise that not every protocol has. A protocol without them needs no words for these.
PARTIAL = frozenset(
    {
        ErrorCode.USER_DELETED,
        ErrorCode.EMAIL_INVALID,
        ErrorCode.NICKNAME_INVALID,
        ErrorCode.MAIL_NOT_SENT,
        ErrorCode.NOT_MEMBER,
        ErrorCode.ROLE_UNCHANGED,
        ErrorCode.SELF_MEANT,
        ErrorCode.ADMIN_PROTECTED,
        ErrorCode.ALREADY_FRIENDS,
        ErrorCode.FRIEND_NOT_FOUND,
        ErrorCode.REQUEST_PENDING,
        ErrorCode.REQUEST_NOT_FOUND,
        ErrorCode.FRIEND_GROUP_NOT_FOUND,
        ErrorCode.FRIEND_GROUP_TAKEN,
        ErrorCode.IN_FRIEND_GROUP,
        ErrorCode.NOT_IN_FRIEND_GROUP,
        ErrorCode.ANNOUNCEMENT_NOT_FOUND,
        ErrorCode.INVITATION_NOT_FOUND,
        ErrorCode.INVITATION_ANSWERED,
        ErrorCode.MESSAGE_NOT_FOUND,
        ErrorCode.REPLY_NOT_FOUND,
    }
)


class ChatError(Exception):
    """A failure with a name and the data that explains it."""

    def __init__(self, code: ErrorCode, **data: object) -> None:
        super().__init__(code.name, data)
        self.code = code
        self.data = data
