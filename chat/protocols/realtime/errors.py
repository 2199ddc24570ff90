"""This protocol's envelope and its texts for failures."""

from flask import Response, jsonify

from chat.errors import ChatError, ErrorCode
from chat.http.context import prefers_chinese
from chat.http.error_messages import Table, worded
from chat.http.shared_error_messages import SHARED

# CREDENTIALS_WRONG is 200 {"status": false} at /Login.
TABLE: Table = SHARED | {
    ErrorCode.BODY_MALFORMED: (
        400,
        "The message cannot be parsed ({reason}): send one JSON object.",
        "内容无法使用({reason})：请发送一个 JSON 对象。",
    ),
    # No route of this protocol raises it.
    ErrorCode.CURSOR_INVALID: (
        400,
        "Invalid position in room {room}: send back the time of a message unchanged.",
        "聊天室 {room} 的读取位置无效：请原样发回消息的时间。",
    ),
    ErrorCode.ORIGIN_FOREIGN: (
        403,
        "Pages from {origin} are not allowed to do this: add the origin to CHAT_CORS_ORIGINS.",
        "来自 {origin} 的页面不能执行此操作：请将该来源加入 CHAT_CORS_ORIGINS。",
    ),
    ErrorCode.NOT_SIGNED_IN: (401, "Not logged in: log in at /Login first.", "未登录：请先通过 /Login 登录。"),
    ErrorCode.ROOM_NOT_FOUND: (
        404,
        "The room {room} does not exist or is not open to you: see GET /Room.",
        "没有你可用的聊天室 {room}：请查看 GET /Room。",
    ),
    # Names need not be unique here; no route of this protocol raises these two.
    ErrorCode.ROOM_NAME_TAKEN: (
        409,
        "The room {room} already exists: choose another name.",
        "聊天室 {room} 已存在：请换一个名称。",
    ),
    ErrorCode.ROOM_NAME_RESERVED: (400, "{room} cannot be a room's name.", "{room} 不能用作聊天室名称。"),
    ErrorCode.ROOM_NAME_INVALID: (
        400,
        "That name is not allowed: use 1 to 60 characters, without leading or trailing spaces or control characters.",
        "聊天室名称不符合要求：1 到 60 个字符，首尾无空格，不含控制字符。",
    ),
    # This protocol has neither passwds nor labels.
    ErrorCode.ROOM_LABEL_INVALID: (400, "That room type is not allowed.", "聊天室类型不符合要求。"),
    ErrorCode.ROOM_PASSWD_NEEDED: (400, "A private room requires a passwd.", "私密聊天室需要密码。"),
    ErrorCode.ROOM_PASSWD_WRONG: (403, "Wrong passwd for room {room}.", "聊天室 {room} 的密码错误。"),
    ErrorCode.ALREADY_MEMBER: (
        409,
        "The user {username} is already in this room.",
        "用户 {username} 已在该聊天室中。",
    ),
    # This protocol cannot add users.
    ErrorCode.ADDED_TOO_MANY: (400, "Add at most {limit} people at once.", "一次最多添加 {limit} 人。"),
    ErrorCode.CANNOT_BE_ADDED: (403, "One of these users cannot be added now.", "现在无法添加该用户。"),
    ErrorCode.TICKET_INVALID: (
        401,
        "This token is used, expired or invalid: request a new one at GET /Room/<id>.",
        "该 token 已使用、已过期或无效：请通过 GET /Room/<id> 重新获取。",
    ),
    ErrorCode.FORBIDDEN: (
        403,
        "You do not have permission: only the owner can delete a room, and a room with a passwd must be joined "
        "by other means first.",
        "没有权限：只有创建者可以删除聊天室；有密码的聊天室须先通过其他方式加入。",
    ),
    ErrorCode.MESSAGE_EMPTY: (400, "msg is empty: write something.", "msg 为空：请输入内容。"),
    ErrorCode.MESSAGE_TOO_LONG: (
        400,
        "msg is too long: send at most {limit} characters.",
        "msg 过长：最多 {limit} 个字符。",
    ),
    ErrorCode.MESSAGE_TYPE_UNKNOWN: (400, "Only texts can be sent here.", "此处只能发送文本。"),
    # Pictures are sent by other protocols.
    ErrorCode.IMAGE_INVALID: (400, "The picture cannot be decoded.", "无法识别的图片。"),
    ErrorCode.STORAGE_FULL: (507, "The server has no space left for this.", "服务器没有存储空间。"),
}


def failure(error: ChatError) -> Response:
    """Build {"status": false, "error": …} with the matching 4xx or 5xx status; the error says what to do."""
    status, words = worded(TABLE, error, chinese=prefers_chinese())
    response = jsonify(status=False, error=words)
    response.status_code = status
    return response
