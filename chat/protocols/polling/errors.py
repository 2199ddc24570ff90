"""This protocol's envelope and its texts for failures."""

from typing import Any

from flask import Response, jsonify, request

from chat.errors import ChatError, ErrorCode
from chat.http.context import prefers_chinese
from chat.http.wording import Table, whole_seconds, worded

TABLE: Table = {
    ErrorCode.BODY_MALFORMED: (
        400,
        "The body cannot be parsed ({reason}): send one JSON object.",
        "请求体无法使用({reason})：请发送一个 JSON 对象。",
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
    ErrorCode.CURSOR_INVALID: (
        400,
        'Invalid timestamp for room {room}: send back the timestamp of a message unchanged, or "" to read from '
        "the beginning.",
        '聊天室 {room} 的 timestamp 无效：请原样发回消息的 timestamp，或用 "" 从头读取。',
    ),
    ErrorCode.PATH_UNKNOWN: (404, "{path} does not exist: check the address.", "{path} 不存在：请检查地址。"),
    ErrorCode.METHOD_NOT_ALLOWED: (
        405,
        "This address does not support {method}: see the Allow header.",
        "该地址不支持 {method}：请查看 Allow 响应头。",
    ),
    ErrorCode.ORIGIN_FOREIGN: (
        403,
        "Pages from {origin} are not allowed to do this: use the chat's own page, or add the origin to "
        "CHAT_CORS_ORIGINS.",
        "来自 {origin} 的页面不能执行此操作：请使用聊天室自己的页面，或将该来源加入 CHAT_CORS_ORIGINS。",
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
    ErrorCode.NOT_SIGNED_IN: (
        401,
        "Not logged in: log in at /user/login first.",
        "未登录：请先通过 /user/login 登录。",
    ),
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
        "The room {room} does not exist or is not open to you: see /room/find, and join the room first.",
        "没有你可用的聊天室 {room}：请查看 /room/find，并先加入该聊天室。",
    ),
    ErrorCode.ROOM_NAME_TAKEN: (
        409,
        "The room {room} already exists: join it, or choose another name.",
        "聊天室 {room} 已存在：请加入该聊天室，或换一个名称。",
    ),
    ErrorCode.ROOM_NAME_INVALID: (
        400,
        "That roomname is not allowed: use 1 to 60 characters, without leading or trailing spaces or control "
        "characters.",
        "聊天室名称不符合要求：1 到 60 个字符，首尾无空格，不含控制字符。",
    ),
    ErrorCode.ROOM_NAME_RESERVED: (
        400,
        "{room} cannot be a roomname: choose one that is not status or feedback and does not end in # and digits.",
        "{room} 不能用作聊天室名称：不能是 status 或 feedback，也不能以 # 加数字结尾。",
    ),
    ErrorCode.ROOM_LABEL_INVALID: (
        400,
        "That type is not allowed: use 1 to 16 characters, such as public.",
        "聊天室 type 不符合要求：1 到 16 个字符，例如 public。",
    ),
    ErrorCode.ROOM_PASSWD_NEEDED: (
        400,
        "A private room requires a passwd: set one, or choose another type.",
        "private 聊天室需要 passwd：请设置密码，或换一个 type。",
    ),
    ErrorCode.ROOM_PASSWD_WRONG: (
        403,
        "Wrong passwd for room {room}: ask a member.",
        "聊天室 {room} 的 passwd 错误：请向成员询问。",
    ),
    ErrorCode.ROOMS_BY_TEACHERS: (
        403,
        "Only teachers make rooms here: ask one.",
        "此处只有老师可以创建聊天室：请联系老师。",
    ),
    ErrorCode.NICKNAME_INVALID: (
        400,
        "This cannot be a nickname: take 1 to 32 characters, no spaces at the ends, no control characters.",
        "昵称不符合要求：1 到 32 个字符，首尾无空格，不含控制字符。",
    ),
    ErrorCode.SELF_MEANT: (403, "You cannot do this to yourself.", "不能对自己执行此操作。"),
    ErrorCode.NOT_TEACHER: (403, "Only teachers may do this.", "只有老师可以执行此操作。"),
    ErrorCode.LAST_TEACHER: (
        403,
        "You are the only teacher: make somebody else a teacher first.",
        "你是唯一的老师：请先将其他人设为老师。",
    ),
    ErrorCode.CLAIM_INVALID: (
        403,
        "This link is used up, or an older one: take the link that the server printed when it last started.",
        "此链接已使用或已过期：请使用服务器最近一次启动时显示的链接。",
    ),
    ErrorCode.SETTINGS_CHANGED: (
        409,
        "Somebody else has changed the settings meanwhile: look at them again, then repeat your change.",
        "其他人刚刚修改了设置：请查看后再次修改。",
    ),
    ErrorCode.ROSTER_INVALID: (
        400,
        "The roster has mistakes: check it at /site/roster/check, mend these lines, then import it again.",
        "名单有错误：请通过 /site/roster/check 检查并修改这些行后再导入。",
    ),
    ErrorCode.ROSTER_CHANGED: (
        409,
        "Accounts or rooms have changed since the roster was checked; nothing was imported: check it again.",
        "检查名单之后账号或聊天室有变化，未导入任何内容：请重新检查。",
    ),
    ErrorCode.IMPORT_RUNNING: (
        409,
        "Another import is going on: wait for its end.",
        "另一个导入正在进行：请等待其结束。",
    ),
    ErrorCode.IMPORT_UNKNOWN: (404, "There is no such import: it may be too old.", "没有此导入：可能已过期。"),
    ErrorCode.ALREADY_MEMBER: (
        409,
        "The user {username} is already in this room.",
        "用户 {username} 已在该聊天室中：无需再添加。",
    ),
    ErrorCode.ROOMS_OWNED: (
        403,
        "You already own {limit} rooms: delete one that you no longer need.",
        "你已拥有 {limit} 个聊天室：请先删除不再需要的。",
    ),
    ErrorCode.ADDED_TOO_MANY: (
        400,
        "Too many people: add at most {limit} at once.",
        "人数过多：一次最多添加 {limit} 人。",
    ),
    ErrorCode.CANNOT_BE_ADDED: (
        403,
        "One of these users cannot be added now: tell them the room's name, so that they can join.",
        "现在无法添加：请把聊天室名称告诉对方，由对方加入。",
    ),
    ErrorCode.TICKET_INVALID: (
        401,
        "This ticket is used, expired or invalid: request a new one.",
        "该入场凭证已使用、已过期或无效：请重新获取。",
    ),
    ErrorCode.FORBIDDEN: (
        403,
        "You do not have permission to do this in this room: ask its owner.",
        "你在该聊天室中没有此权限：请联系创建者。",
    ),
    ErrorCode.NOT_FRIENDS: (
        403,
        "You are no longer friends: become friends again to write to each other.",
        "你们已不是好友：重新成为好友后才能互发消息。",
    ),
    ErrorCode.MESSAGE_NOT_FOUND: (
        404,
        "There is no such message in this room: it may have been deleted.",
        "该聊天室中没有这条消息：可能已被删除。",
    ),
    ErrorCode.NOT_SENDER: (
        403,
        "Only the sender can edit a message.",
        "只有发送者可以编辑消息。",
    ),
    ErrorCode.NOT_A_TEXT: (
        400,
        "Only texts can be edited: delete a picture or file, and send another one.",
        "只有文字消息可以编辑：图片和文件请删除后重新发送。",
    ),
    ErrorCode.EDIT_TOO_LATE: (
        403,
        "A message can be edited for {minutes} minutes: send another one, or delete this one.",
        "消息只能在发送后 {minutes} 分钟内编辑：请另发一条，或删除这一条。",
    ),
    ErrorCode.EDIT_CROSSED: (
        409,
        "The message was edited elsewhere meanwhile: look at it, and edit it again.",
        "该消息已在别处被编辑：请查看后重新编辑。",
    ),
    ErrorCode.REACTION_INVALID: (
        400,
        "A reaction is one emoji: send one such as 👍.",
        "回应必须是一个表情符号：例如 👍。",
    ),
    ErrorCode.REACTIONS_TOO_MANY: (
        409,
        "The message has {limit} kinds of reactions: use one of these.",
        "该消息已有 {limit} 种回应：请使用其中之一。",
    ),
    ErrorCode.REPLY_NOT_FOUND: (
        404,
        "There is no message with the id in reply_to in this room: it may have been deleted.",
        "该聊天室中没有 reply_to 所指的消息：可能已被删除。",
    ),
    ErrorCode.MESSAGE_EMPTY: (400, "The content is empty: write something.", "消息内容为空：请输入内容。"),
    ErrorCode.MESSAGE_TOO_LONG: (
        400,
        "The content is too long: send at most {limit} characters.",
        "消息过长：最多 {limit} 个字符。",
    ),
    ErrorCode.MESSAGE_TYPE_UNKNOWN: (
        400,
        "The type of new_message must be text or img.",
        "new_message 的 type 只能是 text 或 img。",
    ),
    ErrorCode.MESSAGE_ID_INVALID: (
        400,
        "The client_message_id must have 1 to 64 characters: shorten it, or leave it out.",
        "client_message_id 为 1 到 64 个字符的字符串：请缩短或省略。",
    ),
    ErrorCode.IMAGE_INVALID: (
        400,
        "The picture cannot be decoded: send a PNG, JPEG, GIF or WebP of at most 40 megapixels as Base64.",
        "无法识别的图片：请以 Base64 发送 PNG、JPEG、GIF 或 WebP，最多 4000 万像素。",
    ),
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
    ErrorCode.STORAGE_FULL: (
        507,
        "The server has no space left for pictures and files: tell the administrator. Texts can still be sent.",
        "服务器没有空间存储图片和文件：请联系管理员。文字消息仍可发送。",
    ),
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


def success(english: str, chinese: str, **data: Any) -> Response:
    """Build {"status": "success", "feedback": …} with data."""
    return jsonify(status="success", feedback=chinese if prefers_chinese() else english, **data)


def failure(error: ChatError) -> Response:
    """{"status": "failure", "feedback": what to do} with the fitting 4xx or 5xx.

    To a request with X-Chat-Errors: codes, also {"code": the failure's name, "data": its numbers}.
    """
    status, feedback = worded(TABLE, error, chinese=prefers_chinese())
    more = {"code": error.code.name, "data": _numbers(error)} if request.headers.get("X-Chat-Errors") == "codes" else {}
    response = jsonify(status="failure", feedback=feedback, **more)
    response.status_code = status
    return response


def _numbers(error: ChatError) -> dict[str, Any]:
    """The numbers that a client's own text for the code may need, and nothing that was asked for or is hidden."""
    shown: dict[str, Any] = {name: error.data[name] for name in ("limit", "min", "max") if name in error.data}
    if "retry_after" in error.data:
        shown["retry_after"] = whole_seconds(error.data["retry_after"])
    return shown
