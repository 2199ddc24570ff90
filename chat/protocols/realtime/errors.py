"""This protocol's envelope and its texts for failures."""

from flask import Response, jsonify

from chat.errors import ChatError, ErrorCode
from chat.http.context import prefers_chinese
from chat.http.wording import Table, worded

TABLE: Table = {
    ErrorCode.BODY_MALFORMED: (
        400,
        "The message cannot be parsed ({reason}): send one JSON object.",
        "内容无法使用({reason})：请发送一个 JSON 对象。",
    ),
    ErrorCode.BODY_TOO_LARGE: (
        413,
        "The body is too large: send at most {limit} bytes.",
        "请求体过大：最多 {limit} 字节。",
    ),
    ErrorCode.FIELD_MISSING: (400, "{field} is missing: add it.", "缺少 {field}：请补上。"),
    ErrorCode.FIELD_INVALID: (
        400,
        "{field} is invalid: see the API documentation for its type and length.",
        "{field} 不符合要求：请查看接口文档中的类型和长度。",
    ),
    # No route of this protocol raises it.
    ErrorCode.CURSOR_INVALID: (
        400,
        "Invalid position in room {room}: send back the time of a message unchanged.",
        "聊天室 {room} 的读取位置无效：请原样发回消息的时间。",
    ),
    ErrorCode.PATH_UNKNOWN: (404, "{path} does not exist: check the address.", "{path} 不存在：请检查地址。"),
    ErrorCode.METHOD_NOT_ALLOWED: (
        405,
        "This address does not support {method}: see the Allow header.",
        "该地址不支持 {method}：请查看 Allow 响应头。",
    ),
    ErrorCode.ORIGIN_FOREIGN: (
        403,
        "Pages from {origin} are not allowed to do this: add the origin to CHAT_CORS_ORIGINS.",
        "来自 {origin} 的页面不能执行此操作：请将该来源加入 CHAT_CORS_ORIGINS。",
    ),
    ErrorCode.RATE_LIMITED: (
        429,
        "Too many requests: try again in {retry_after} s.",
        "操作过于频繁：请 {retry_after} 秒后再试。",
    ),
    ErrorCode.UPGRADE_REQUIRED: (
        426,
        "This address is for WebSockets only: send a WebSocket handshake (version 13).",
        "该地址仅用于 WebSocket：请进行 WebSocket 握手（版本 13）。",
    ),
    ErrorCode.HANDSHAKE_INVALID: (
        400,
        "Invalid WebSocket handshake ({reason}): use a WebSocket library.",
        "WebSocket 握手无效（{reason}）：请使用 WebSocket 库。",
    ),
    ErrorCode.REQUEST_REFUSED: (
        400,
        "The server does not take this request ({reason}): mend it and try again.",
        "服务器不接受此请求（{reason}）：请修改后重试。",
    ),
    ErrorCode.NOT_SIGNED_IN: (401, "Not logged in: log in at /Login first.", "未登录：请先通过 /Login 登录。"),
    # At /Login it is 200 {"status": false}.
    ErrorCode.CREDENTIALS_WRONG: (
        401,
        "Wrong username or password: check both and try again.",
        "用户名或密码错误：请检查后重试。",
    ),
    ErrorCode.USERNAME_TAKEN: (
        409,
        "The username {username} is taken: choose another one, or log in.",
        "用户名 {username} 已被使用：请换一个，或直接登录。",
    ),
    ErrorCode.NICKNAME_TAKEN: (
        409,
        "The nickname {nickname} is another user's name: choose another one.",
        "昵称 {nickname} 是其他用户的用户名：请换一个。",
    ),
    ErrorCode.USERNAME_INVALID: (
        400,
        "That username is not allowed: use 1 to 32 characters, without leading or trailing spaces or control "
        "characters.",
        "用户名不符合要求：1 到 32 个字符，首尾无空格，不含控制字符。",
    ),
    ErrorCode.DISABLED: (
        403,
        "This account has been disabled by a teacher: ask one.",
        "该账号已被老师停用：请联系老师。",
    ),
    ErrorCode.REGISTRATION_CLOSED: (
        403,
        "Nobody can register here: ask a teacher for an account.",
        "此处不开放注册：请向老师索取账号。",
    ),
    ErrorCode.JOIN_CODE_WRONG: (
        403,
        "A valid join code is needed: ask your teacher for it.",
        "需要有效的加入码：请向老师索取。",
    ),
    ErrorCode.PASSWORD_INVALID: (
        400,
        "That password is not allowed: use {min} to {max} characters.",
        "密码不符合要求：请使用 {min} 到 {max} 个字符。",
    ),
    ErrorCode.USER_NOT_FOUND: (
        404,
        "The user {username} does not exist: check the name.",
        "用户 {username} 不存在：请检查名称。",
    ),
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
    ErrorCode.ROOMS_BY_TEACHERS: (
        403,
        "Only teachers make rooms here: ask one.",
        "此处只有老师可以创建聊天室：请联系老师。",
    ),
    ErrorCode.ALREADY_MEMBER: (
        409,
        "The user {username} is already in this room.",
        "用户 {username} 已在该聊天室中。",
    ),
    ErrorCode.ROOMS_OWNED: (
        403,
        "You already own {limit} rooms: delete one that you no longer need.",
        "你已拥有 {limit} 个聊天室：请先删除不再需要的。",
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
    ErrorCode.NOT_FRIENDS: (
        403,
        "You are no longer friends: become friends again to write to each other.",
        "你们已不是好友：重新成为好友后才能互发消息。",
    ),
    ErrorCode.MESSAGE_EMPTY: (400, "msg is empty: write something.", "msg 为空：请输入内容。"),
    ErrorCode.MESSAGE_TOO_LONG: (
        400,
        "msg is too long: send at most {limit} characters.",
        "msg 过长：最多 {limit} 个字符。",
    ),
    ErrorCode.MESSAGE_TYPE_UNKNOWN: (400, "Only texts can be sent here.", "此处只能发送文本。"),
    ErrorCode.MESSAGE_ID_INVALID: (
        400,
        "The client_message_id must have 1 to 64 characters: shorten it, or leave it out.",
        "client_message_id 为 1 到 64 个字符的字符串：请缩短或省略。",
    ),
    # Pictures are sent by other protocols.
    ErrorCode.IMAGE_INVALID: (400, "The picture cannot be decoded.", "无法识别的图片。"),
    ErrorCode.IMAGE_TOO_LARGE: (
        413,
        "The picture is too large: send at most {limit} bytes.",
        "图片过大：最多 {limit} 字节。",
    ),
    ErrorCode.FILE_NOT_FOUND: (404, "The file does not exist.", "文件不存在。"),
    ErrorCode.FILE_TOO_LARGE: (
        413,
        "The file is too large: send at most {limit} bytes.",
        "文件过大：最多 {limit} 字节。",
    ),
    ErrorCode.QUOTA_USED: (
        507,
        "You have reached the daily storage limit ({limit} bytes): try again in {retry_after} s.",
        "你今天存储的数据已达上限（{limit} 字节）：请 {retry_after} 秒后再试。",
    ),
    ErrorCode.STORAGE_FULL: (507, "The server has no space left for this.", "服务器没有存储空间。"),
    ErrorCode.UNAVAILABLE: (
        503,
        "The server is temporarily unavailable, and nothing was stored: try again in {retry_after} s.",
        "服务器暂时不可用，未保存任何内容：请 {retry_after} 秒后重试。",
    ),
    ErrorCode.SOCKETS_UNAVAILABLE: (
        503,
        "This server does not support WebSockets: they require LiveWorker, so start it with `make run`.",
        "此服务器不支持 WebSocket：需要 LiveWorker，请用 `make run` 启动。",
    ),
    ErrorCode.INTERNAL: (
        500,
        "Internal server error: try again, or tell the administrator.",
        "服务器出错：请重试，或联系管理员。",
    ),
}


def failure(error: ChatError) -> Response:
    """Build {"status": false, "error": …} with the matching 4xx or 5xx status; the error says what to do."""
    status, words = worded(TABLE, error, chinese=prefers_chinese())
    response = jsonify(status=False, error=words)
    response.status_code = status
    return response
