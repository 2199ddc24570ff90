"""This protocol's envelope, {code, msg, data}, and its texts for failures.

Texts are Chinese, and literal where the document has them.
"""

from typing import Any

from flask import Response, jsonify

from chat.errors import SENDING_PICTURE, SENDING_TEXT, ChatError, ErrorCode
from chat.http.error_messages import fill

OK, FAILED, PONG = 0, 1, 2  # the envelope's codes

# of sending a message, by HTTP or a WebSocket
SEND_FAILURES = (
    ErrorCode.ROOM_NOT_FOUND,
    *SENDING_TEXT,
    *SENDING_PICTURE,
    ErrorCode.MESSAGE_TYPE_UNKNOWN,
    ErrorCode.RATE_LIMITED,
)

# code: HTTP status, msg. Client errors have status 200: clients of this protocol look at the code.
TABLE: dict[ErrorCode, tuple[int, str]] = {
    ErrorCode.BODY_MALFORMED: (400, "请求内容无法解析（{reason}），请发送一个 JSON 对象"),
    ErrorCode.BODY_TOO_LARGE: (413, "请求内容过大，最多 {limit} 字节"),
    ErrorCode.FIELD_MISSING: (200, "缺少参数 {field}"),
    ErrorCode.FIELD_INVALID: (200, "参数 {field} 不符合要求，请查看接口文档中的类型和长度"),
    ErrorCode.PATH_UNKNOWN: (404, "地址 {path} 不存在"),
    ErrorCode.METHOD_NOT_ALLOWED: (405, "该地址不支持 {method} 方法"),
    ErrorCode.ORIGIN_FOREIGN: (403, "来自 {origin} 的页面不能执行此操作，请将该来源加入 CHAT_CORS_ORIGINS"),
    ErrorCode.RATE_LIMITED: (429, "操作过于频繁，请 {retry_after} 秒后再试"),
    ErrorCode.UPGRADE_REQUIRED: (426, "该地址仅用于 WebSocket，请进行 WebSocket 握手（版本 13）"),
    ErrorCode.HANDSHAKE_INVALID: (400, "WebSocket 握手无效（{reason}）"),
    ErrorCode.REQUEST_REFUSED: (400, "服务器不接受此 HTTP 请求（{reason}），请修改后重试"),
    ErrorCode.SOCKETS_UNAVAILABLE: (503, "此服务器不支持 WebSocket，请用 make run 启动"),
    ErrorCode.NOT_SIGNED_IN: (401, "未登录或登录已失效，请重新登录"),
    ErrorCode.CREDENTIALS_WRONG: (200, "用户名或密码错误"),
    ErrorCode.USERNAME_TAKEN: (200, "用户名已存在"),
    ErrorCode.TEACHERS_NAME: (200, "注册失败，用户名与老师的名称相似"),
    ErrorCode.USERNAME_INVALID: (200, "用户名不符合要求：1 到 32 个可见字符，首尾无空格，无控制字符，不以组合符号开头"),
    ErrorCode.DISABLED: (200, "账号已被停用，请联系老师"),
    ErrorCode.REGISTRATION_CLOSED: (200, "注册失败，此处不开放注册，请向老师索取账号"),
    ErrorCode.JOIN_CODE_WRONG: (200, "注册失败，需要有效的加入码，请向老师索取"),
    ErrorCode.PASSWORD_INVALID: (200, "密码不符合要求：{min} 到 {max} 个字符"),
    ErrorCode.USER_NOT_FOUND: (200, "添加用户到聊天室失败，用户不存在"),  # no other route here looks up users
    ErrorCode.ROOM_NOT_FOUND: (200, "聊天室不存在"),
    ErrorCode.ROOM_NAME_INVALID: (200, "创建失败"),
    ErrorCode.ROOMS_BY_TEACHERS: (200, "创建失败，只有老师可以创建聊天室"),
    ErrorCode.PRIVATE_ROOMS_OFF: (200, "创建失败，此处不允许创建私密聊天室"),
    ErrorCode.ALREADY_MEMBER: (200, "添加用户到聊天室失败，用户已在聊天室中"),
    ErrorCode.ROOMS_OWNED: (200, "创建失败，你已拥有 {limit} 个聊天室，请先删除不再需要的"),
    ErrorCode.CANNOT_BE_ADDED: (200, "添加用户到聊天室失败，现在无法添加该用户"),
    ErrorCode.BARRED: (200, "该用户已被移出聊天室，不能再加入"),
    ErrorCode.ARCHIVED: (200, "聊天室已归档，不能再发言"),
    ErrorCode.READ_ONLY: (200, "聊天室为只读，只有创建者、管理员和老师可以发言"),
    ErrorCode.MUTED: (200, "你在该聊天室中已被禁言，{retry_after} 秒后可以发言"),
    ErrorCode.SLOW_MODE: (429, "聊天室已开启慢速模式，请 {retry_after} 秒后再发"),
    ErrorCode.FORBIDDEN: (200, "没有权限执行此操作"),
    ErrorCode.NOT_FRIENDS: (200, "你们已不是好友，不能互发消息"),
    ErrorCode.MESSAGE_EMPTY: (200, "消息内容不能为空"),
    ErrorCode.MESSAGE_TOO_LONG: (200, "消息过长，最多 {limit} 个字符"),
    ErrorCode.MESSAGE_TYPE_UNKNOWN: (200, "消息类型只能是 text 或 image"),
    ErrorCode.MESSAGE_ID_INVALID: (200, "client_message_id 应为 1 到 64 个字符"),
    ErrorCode.IMAGE_INVALID: (200, "无法识别的图片，请以 Base64 发送 PNG、JPEG、GIF 或 WebP，最多 4000 万像素"),
    ErrorCode.IMAGE_TOO_LARGE: (200, "图片过大，最多 {limit} 字节"),
    ErrorCode.QUOTA_USED: (507, "你今天存储的数据已达上限（{limit} 字节），请 {retry_after} 秒后再试"),
    ErrorCode.STORAGE_FULL: (507, "服务器没有空间存储图片和文件，请联系管理员"),
    ErrorCode.UNAVAILABLE: (503, "服务器暂时不可用，未保存任何内容，请 {retry_after} 秒后重试"),
    ErrorCode.INTERNAL: (500, "服务器出错，请重试或联系管理员"),
}


def envelope(code: int, msg: str, data: Any = None) -> dict[str, Any]:
    """The form of every answer and frame."""
    return {"code": code, "msg": msg, "data": data}


def success(msg: str, data: Any = None, **more: Any) -> Response:
    """Build the envelope with code 0."""
    return jsonify(envelope(OK, msg, data) | more)


def refusal(error: ChatError) -> dict[str, Any]:
    """Build the envelope of a failure."""
    return envelope(FAILED, fill(TABLE[error.code][1], error.data, chinese=True))


def failure(error: ChatError) -> Response:
    """Build the envelope of a failure with its HTTP status."""
    response = jsonify(refusal(error))
    response.status_code = TABLE[error.code][0]
    return response
