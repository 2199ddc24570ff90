"""This protocol's envelope and its texts for failures; special cases are declared at their views."""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any

from flask import Response, current_app, jsonify, request

from chat.errors import ChatError, ErrorCode

View = Callable[..., Any]
Words = tuple[int, int, str]  # HTTP status, code, info; braces contain the error's data


class Case(Enum):
    """Variants of an ErrorCode for which the document has other texts."""

    OUTSIDE = auto()  # ROOM_NOT_FOUND: the room exists, but the caller is not a member
    FOR_ALL = auto()  # FORBIDDEN: for everybody, because the room has no owner


# The key in the error's data that marks the variant.
_CASES = {
    Case.OUTSIDE: (ErrorCode.ROOM_NOT_FOUND, "exists"),
    Case.FOR_ALL: (ErrorCode.FORBIDDEN, "for_all"),
}
Special = Mapping[ErrorCode | Case, Words]
NO_RIGHT: Words = (403, -3, "权限异常")
_FIELD = (400, -7, "Missing or error type of [{field}]")
_NOT_NOW = (503, -9, "Try again later")

TABLE: dict[ErrorCode | Case, Words] = {
    ErrorCode.BODY_MALFORMED: (400, -7, "Missing or error type of [body]"),
    ErrorCode.BODY_TOO_LARGE: (413, -3, "Request too large"),
    ErrorCode.FIELD_MISSING: _FIELD,
    ErrorCode.FIELD_INVALID: _FIELD,
    ErrorCode.PATH_UNKNOWN: (404, -1, "Not found"),
    ErrorCode.METHOD_NOT_ALLOWED: (405, -3, "Bad method"),
    ErrorCode.ORIGIN_FOREIGN: (403, -2, "Foreign origin"),
    ErrorCode.RATE_LIMITED: (429, -8, "Too many requests"),
    ErrorCode.UPGRADE_REQUIRED: (426, -3, "WebSocket only"),
    ErrorCode.HANDSHAKE_INVALID: (400, -3, "Invalid WebSocket handshake"),
    ErrorCode.REQUEST_REFUSED: (400, -3, "Bad request"),
    ErrorCode.NOT_SIGNED_IN: (401, -2, "Invalid or expired JWT"),
    ErrorCode.CREDENTIALS_WRONG: (401, -3, "密码错误"),
    ErrorCode.USERNAME_TAKEN: (400, -1, "User already exists"),
    ErrorCode.PASSWORD_INVALID: (400, -4, "Password illegal"),
    ErrorCode.DISABLED: (403, -3, "Account disabled"),
    ErrorCode.REGISTRATION_CLOSED: (403, -3, "Registration closed"),
    ErrorCode.JOIN_CODE_WRONG: (403, -3, "Join code required"),
    ErrorCode.USER_NOT_FOUND: (404, -1, "User not found"),
    ErrorCode.USER_DELETED: (404, -1, "User deleted"),
    ErrorCode.EMAIL_INVALID: (400, 1, "Invalid email"),
    ErrorCode.NICKNAME_INVALID: (400, -3, "Name too long"),
    ErrorCode.NICKNAME_TAKEN: (400, -3, "Name already exists"),
    ErrorCode.TEACHERS_NAME: (400, -3, "Name already exists"),
    ErrorCode.LOOKS_LIKE_OTHER: (400, -3, "Name already exists"),
    ErrorCode.NAMES_FIXED: (403, -3, "Names are fixed"),
    ErrorCode.MAIL_NOT_SENT: (404, -5, "发送失败，请检查网络和邮箱"),
    ErrorCode.ROOM_NOT_FOUND: (404, -1, "Conversation not found"),
    ErrorCode.ROOM_NAME_INVALID: (400, -7, "Missing or error type of [name]"),
    ErrorCode.ALREADY_MEMBER: (403, -3, "The member is already in the conversation"),
    ErrorCode.ROOMS_OWNED: (403, -3, "Too many conversations"),
    ErrorCode.ADDED_TOO_MANY: (403, -3, "Too many members at once"),
    ErrorCode.CANNOT_BE_ADDED: (403, -3, "The user cannot be added now"),
    ErrorCode.BARRED: (403, -3, "The user is barred from the conversation"),
    ErrorCode.ARCHIVED: (403, -3, "Conversation archived"),
    ErrorCode.READ_ONLY: (403, -3, "Conversation is read-only"),
    ErrorCode.MUTED: (403, -3, "Muted"),
    ErrorCode.SLOW_MODE: (429, -8, "Slow mode"),
    ErrorCode.ROOMS_BY_TEACHERS: NO_RIGHT,
    ErrorCode.PRIVATE_ROOMS_OFF: NO_RIGHT,
    ErrorCode.DIRECTS_OFF: NO_RIGHT,
    ErrorCode.LAST_TEACHER: (403, -3, "The only teacher"),
    ErrorCode.FORBIDDEN: NO_RIGHT,
    ErrorCode.NOT_MEMBER: (400, 1, "User not in conversation"),
    ErrorCode.ROLE_UNCHANGED: (403, 3, "成员已经是管理员"),
    ErrorCode.SELF_MEANT: NO_RIGHT,
    ErrorCode.ADMIN_PROTECTED: (403, -3, "非群主不能移除管理员"),
    ErrorCode.NOT_FRIENDS: (403, -4, "Not friend with current user."),
    ErrorCode.ALREADY_FRIENDS: (403, -4, "Already friends"),
    ErrorCode.FRIEND_NOT_FOUND: (404, -1, "Friend not found"),
    ErrorCode.REQUEST_PENDING: (403, -5, "Friend request already sent"),
    ErrorCode.REQUEST_NOT_FOUND: (403, -5, "Request not found"),
    ErrorCode.FRIEND_GROUP_NOT_FOUND: (404, -1, "Group not found"),
    ErrorCode.FRIEND_GROUP_TAKEN: (409, -1, "Group already exists"),
    ErrorCode.IN_FRIEND_GROUP: (400, -3, "Member already in group"),
    ErrorCode.NOT_IN_FRIEND_GROUP: (400, -3, "Member not in group"),
    ErrorCode.TOO_MANY: (403, -3, "Too many"),
    ErrorCode.ANNOUNCEMENT_NOT_FOUND: (404, -1, "Notification not found"),
    ErrorCode.INVITATION_NOT_FOUND: (404, -1, "Invitation not found"),
    ErrorCode.INVITATION_ANSWERED: (403, -4, "邀请已处理"),
    ErrorCode.MESSAGE_NOT_FOUND: (404, -1, "Message not found"),
    ErrorCode.REPLY_NOT_FOUND: (400, -4, "Reply message not found"),
    ErrorCode.MESSAGE_EMPTY: (400, -3, "Content is empty"),
    ErrorCode.MESSAGE_TOO_LONG: (400, -3, "Content too long"),
    ErrorCode.MESSAGE_ID_INVALID: (400, -7, "Missing or error type of [client_message_id]"),
    ErrorCode.IMAGE_INVALID: (400, -7, "Missing or error type of [image]"),
    ErrorCode.IMAGE_TOO_LARGE: (413, -3, "Image too large"),
    ErrorCode.QUOTA_USED: (507, -3, "Storage quota exceeded"),
    ErrorCode.STORAGE_FULL: (507, -9, "Storage full"),
    ErrorCode.UNAVAILABLE: _NOT_NOW,
    ErrorCode.SOCKETS_UNAVAILABLE: _NOT_NOW,
    ErrorCode.INTERNAL: (500, -9, "Internal server error"),
}


def words(special: Special) -> Callable[[View], View]:
    """Decorator, outermost: the document's texts for failures at this address."""

    def decorate(view: View) -> View:
        view.__dict__["ims_words"] = special
        return view

    return decorate


def success(info: str, **data: Any) -> Response:
    """Build {"code": 0, "info": …} with data. The document's info is "Succeed" or "success", depending
    on the address.
    """
    return jsonify(code=0, info=info, **data)


def failure(error: ChatError) -> Response:
    """Build {"code": …, "info": …} with the matching 4xx or 5xx status."""
    view = current_app.view_functions.get(request.endpoint or "")
    status, code, info = _words(_kind(error), view)
    response = jsonify(code=code, info=info.format(field=str(error.data.get("field", "")).partition(".")[0]))
    response.status_code = status
    return response


def wordings(code: ErrorCode, view: View) -> list[tuple[int, str, str]]:
    """Return the texts that a view may use for a failure, for the OpenAPI document; identical in both languages."""
    kinds: list[ErrorCode | Case] = [code, *(case for case, (of, _) in _CASES.items() if of is code)]
    found = {_words(kind, view) for kind in kinds}
    return [(status, f"{number}: {info}", f"{number}：{info}") for status, number, info in sorted(found)]


def _kind(error: ChatError) -> ErrorCode | Case:
    """Return the variant of the error's code that the document distinguishes."""
    return next(
        (case for case, (code, sign) in _CASES.items() if code is error.code and error.data.get(sign)), error.code
    )


def _words(kind: ErrorCode | Case, view: View | None) -> Words:
    special: Special = getattr(view, "ims_words", {})
    if isinstance(kind, Case) and kind not in special:
        kind = ErrorCode.FORBIDDEN  # non-members have no permissions there
    return special[kind] if kind in special else TABLE[kind]
