"""This protocol's envelope and its texts for failures."""

from flask import Response, jsonify

from chat.errors import ChatError, ErrorCode
from chat.http.context import prefers_chinese
from chat.http.error_messages import Table, worded
from chat.http.shared_error_messages import SHARED

# CREDENTIALS_WRONG is 200 {"status": false} at /Login.
TABLE: Table = SHARED | {
    ErrorCode.UPGRADE_REQUIRED: (
        426,
        "This address is for WebSockets only: send a WebSocket handshake (version 13).",
        "该地址仅用于 WebSocket：请进行 WebSocket 握手（版本 13）。",
    ),
    ErrorCode.SOCKETS_UNAVAILABLE: (
        503,
        "This server does not support WebSockets: they require LiveWorker, so start it with `make run`.",
        "此服务器不支持 WebSocket：需要 LiveWorker，请用 `make run` 启动。",
    ),
    ErrorCode.BODY_MALFORMED: (
        400,
        "The message cannot be parsed ({reason}): send one JSON object.",
        "内容无法使用({reason})：请发送一个 JSON 对象。",
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
    ErrorCode.ROOM_NAME_INVALID: (
        400,
        "That name is not allowed: use 1 to 60 visible characters, without leading or trailing spaces, control "
        "characters or an accent on its own at the start.",
        "聊天室名称不符合要求：1 到 60 个可见字符，首尾无空格，不含控制字符，不以组合符号开头。",
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
}


def failure(error: ChatError) -> Response:
    """Build {"status": false, "error": …} with the matching 4xx or 5xx status; the error says what to do."""
    status, words = worded(TABLE, error, chinese=prefers_chinese())
    response = jsonify(status=False, error=words)
    response.status_code = status
    return response
