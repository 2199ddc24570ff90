"""This protocol's envelope and its texts for failures."""

from typing import Any

from flask import Response, jsonify, request

from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import View, declared
from chat.http.context import prefers_chinese
from chat.http.error_messages import Table, whole_seconds, worded
from chat.http.shared_error_messages import SHARED
from chat.services.avatars import GIVEN_MAX_CHARS, TEXT_MAX_CHARS

TABLE: Table = SHARED | {
    ErrorCode.CREDENTIALS_WRONG: (
        401,
        "Wrong username or password: check both and try again.",
        "用户名或密码错误：请检查后重试。",
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
    ErrorCode.BODY_MALFORMED: (
        400,
        "The body cannot be parsed ({reason}): send one JSON object.",
        "请求体无法使用({reason})：请发送一个 JSON 对象。",
    ),
    ErrorCode.CURSOR_INVALID: (
        400,
        'Invalid timestamp for room {room}: send back the timestamp of a message unchanged, or "" to read from '
        "the beginning.",
        '聊天室 {room} 的 timestamp 无效：请原样发回消息的 timestamp，或用 "" 从头读取。',
    ),
    ErrorCode.ORIGIN_FOREIGN: (
        403,
        "Pages from {origin} are not allowed to do this: use the chat's own page, or add the origin to "
        "CHAT_CORS_ORIGINS.",
        "来自 {origin} 的页面不能执行此操作：请使用聊天室自己的页面，或将该来源加入 CHAT_CORS_ORIGINS。",
    ),
    ErrorCode.NOT_SIGNED_IN: (
        401,
        "Not logged in: log in at /user/login first.",
        "未登录：请先通过 /user/login 登录。",
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
        "That roomname is not allowed: use 1 to 60 visible characters, without leading or trailing spaces, control "
        "characters or an accent on its own at the start.",
        "聊天室名称不符合要求：1 到 60 个可见字符，首尾无空格，不含控制字符，不以组合符号开头。",
    ),
    ErrorCode.ROOM_NAME_RESERVED: (
        400,
        "{room} cannot be a roomname: choose one that is not status or feedback and does not end in # and digits.",
        "{room} 不能用作聊天室名称：不能是 status 或 feedback，也不能以 # 加数字结尾。",
    ),
    ErrorCode.ROOM_LABEL_INVALID: (
        400,
        "That type is not allowed: use 1 to 16 visible characters, such as public, without leading or trailing spaces, "
        "control characters or an accent on its own at the start.",
        "聊天室 type 不符合要求：1 到 16 个可见字符，例如 public，首尾无空格，不含控制字符，不以组合符号开头。",
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
    ErrorCode.NICKNAME_INVALID: (
        400,
        "This cannot be a nickname: take 1 to 32 visible characters, no spaces at the ends, no control characters, "
        "no accent on its own at the start.",
        "昵称不符合要求：1 到 32 个可见字符，首尾无空格，不含控制字符，不以组合符号开头。",
    ),
    ErrorCode.SELF_MEANT: (403, "You cannot do this to yourself.", "不能对自己执行此操作。"),
    ErrorCode.NOT_TEACHER: (403, "Only teachers may do this.", "只有老师可以执行此操作。"),
    ErrorCode.LOOKS_LIKE_OTHER: (
        409,
        "The name of {username} looks the same: rename one of the two first.",
        "{username} 的名称看起来相同：请先为其中一人改名。",
    ),
    ErrorCode.NAMES_FIXED: (403, "Only teachers change names here: ask one.", "此处只有老师可以修改名称：请联系老师。"),
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
    ErrorCode.FORBIDDEN: (
        403,
        "You do not have permission to do this in this room: ask its owner.",
        "你在该聊天室中没有此权限：请联系创建者。",
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
    ErrorCode.FILE_EMPTY: (400, "The file has no bytes: send one with content.", "文件为空：请发送有内容的文件。"),
    ErrorCode.EQUATION_INVALID: (
        400,
        "This is no equation that can be converted: write LaTeX, such as x^2.",
        "无法转换该公式：请使用 LaTeX，例如 x^2。",
    ),
    ErrorCode.PINS_TOO_MANY: (
        409,
        "The room has {limit} pinned messages: unpin one first.",
        "该聊天室已有 {limit} 条置顶消息：请先取消一条。",
    ),
    ErrorCode.SEEN_BY_OFF: (
        403,
        "This room does not show who has read a message: its owner, admins and teachers can switch that on.",
        "该聊天室不显示谁已读：创建者、管理员和老师可以开启。",
    ),
    ErrorCode.NOT_MEMBER: (404, "The user {username} is not in this room.", "用户 {username} 不在该聊天室中。"),
    ErrorCode.ADMIN_PROTECTED: (403, "Only the owner can do this to an admin.", "只有创建者可以对管理员执行此操作。"),
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
    ErrorCode.IMAGE_INVALID: (
        400,
        "The picture cannot be decoded: send a PNG, JPEG, GIF or WebP of at most 40 megapixels as Base64.",
        "无法识别的图片：请以 Base64 发送 PNG、JPEG、GIF 或 WebP，最多 4000 万像素。",
    ),
    ErrorCode.STORAGE_FULL: (
        507,
        "The server has no space left for pictures and files: tell the administrator. Texts can still be sent.",
        "服务器没有空间存储图片和文件：请联系管理员。文字消息仍可发送。",
    ),
}

# /chat/upload takes a form instead of JSON, and bytes instead of Base64.
_UPLOAD = TABLE | {
    ErrorCode.BODY_MALFORMED: (
        400,
        "The form cannot be read ({reason}): send multipart/form-data with the fields roomname and file.",
        "无法读取表单({reason})：请以 multipart/form-data 发送 roomname 和 file 字段。",
    ),
    ErrorCode.IMAGE_INVALID: (
        400,
        "The picture cannot be decoded: send a PNG, JPEG, GIF or WebP of at most 40 megapixels.",
        "无法识别的图片：请发送 PNG、JPEG、GIF 或 WebP，最多 4000 万像素。",
    ),
}

_OF_AVATAR = TABLE | {
    ErrorCode.FIELD_INVALID: (
        400,
        f"That avatar is too long, or no picture: send a PNG, JPEG, GIF or WebP as Base64 of at most {GIVEN_MAX_CHARS} "
        f"characters, or another text of at most {TEXT_MAX_CHARS}.",
        f"头像过长或不是图片：请以 Base64 发送 PNG、JPEG、GIF 或 WebP，最多 {GIVEN_MAX_CHARS} 个字符；其他文本最多 "
        f"{TEXT_MAX_CHARS} 个字符。",
    ),
}


def wordings(code: ErrorCode, view: View) -> list[tuple[int, str, str]]:
    """The possible texts of a failure, for the API documentation."""
    about = declared(view)
    takes_avatar = about.body is not None and "avatar" in about.body().fields
    tables = [_UPLOAD if about.takes_parts else TABLE, *([_OF_AVATAR] if takes_avatar else [])]
    return list(dict.fromkeys(table[code] for table in tables))


def success(english: str, chinese: str, **data: Any) -> Response:
    """Build {"status": "success", "feedback": …} with data."""
    return jsonify(status="success", feedback=chinese if prefers_chinese() else english, **data)


def failure(error: ChatError) -> Response:
    """{"status": "failure", "feedback": what to do} with the fitting 4xx or 5xx.

    To a request with X-Chat-Errors: codes, also {"code": the failure's name, "data": its numbers}.
    """
    table = _UPLOAD if request.path == "/chat/upload" else TABLE
    if error.data.get("field") == "avatar":
        table = _OF_AVATAR
    status, feedback = worded(table, error, chinese=prefers_chinese())
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
