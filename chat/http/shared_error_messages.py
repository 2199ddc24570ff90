"""Texts for failures that several protocols word alike."""

from chat.errors import ErrorCode
from chat.http.error_messages import Table

SHARED: Table = {
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
    ErrorCode.PATH_UNKNOWN: (404, "{path} does not exist: check the address.", "{path} 不存在：请检查地址。"),
    ErrorCode.METHOD_NOT_ALLOWED: (
        405,
        "This address does not support {method}: see the Allow header.",
        "该地址不支持 {method}：请查看 Allow 响应头。",
    ),
    ErrorCode.RATE_LIMITED: (
        429,
        "Too many requests: try again in {retry_after} s.",
        "操作过于频繁：请 {retry_after} 秒后再试。",
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
    ErrorCode.TEACHERS_NAME: (
        409,
        "The name {name} looks like a teacher's: choose another one.",
        "名称 {name} 与老师的名称相似：请换一个。",
    ),
    ErrorCode.USERNAME_INVALID: (
        400,
        "That username is not allowed: use 1 to 32 visible characters, without leading or trailing spaces, control "
        "characters or an accent on its own at the start.",
        "用户名不符合要求：1 到 32 个可见字符，首尾无空格，不含控制字符，不以组合符号开头。",
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
    ErrorCode.BARRED: (
        403,
        "This user was removed from the room and must not come back: ask its owner or a teacher.",
        "该用户已被移出该聊天室，不能再加入：请联系创建者或老师。",
    ),
    ErrorCode.ARCHIVED: (
        403,
        "The room is archived: it can be read, but nobody writes in it.",
        "该聊天室已归档：可以阅读，但不能再发言。",
    ),
    ErrorCode.READ_ONLY: (
        403,
        "The room is read-only: its owner, admins and teachers write in it.",
        "该聊天室为只读：只有创建者、管理员和老师可以发言。",
    ),
    ErrorCode.MUTED: (
        403,
        "You are muted in this room: you can write again in {retry_after} s.",
        "你在该聊天室中已被禁言：{retry_after} 秒后可以发言。",
    ),
    ErrorCode.SLOW_MODE: (
        429,
        "The room is in slow mode: you can send your next message in {retry_after} s.",
        "该聊天室已开启慢速模式：{retry_after} 秒后可以发送下一条消息。",
    ),
    ErrorCode.ROOMS_BY_TEACHERS: (
        403,
        "Only teachers make rooms here: ask one.",
        "此处只有老师可以创建聊天室：请联系老师。",
    ),
    ErrorCode.ROOMS_OWNED: (
        403,
        "You already own {limit} rooms: delete one that you no longer need.",
        "你已拥有 {limit} 个聊天室：请先删除不再需要的。",
    ),
    ErrorCode.NOT_FRIENDS: (
        403,
        "You are no longer friends: become friends again to write to each other.",
        "你们已不是好友：重新成为好友后才能互发消息。",
    ),
    ErrorCode.MESSAGE_ID_INVALID: (
        400,
        "The client_message_id must have 1 to 64 characters: shorten it, or leave it out.",
        "client_message_id 为 1 到 64 个字符的字符串：请缩短或省略。",
    ),
    ErrorCode.QUOTA_USED: (
        507,
        "You have reached the daily storage limit ({limit} bytes): try again in {retry_after} s.",
        "你今天存储的数据已达上限（{limit} 字节）：请 {retry_after} 秒后再试。",
    ),
    ErrorCode.UNAVAILABLE: (
        503,
        "The server is temporarily unavailable, and nothing was stored: try again in {retry_after} s.",
        "服务器暂时不可用，未保存任何内容：请 {retry_after} 秒后重试。",
    ),
    ErrorCode.INTERNAL: (
        500,
        "Internal server error: try again, or tell the administrator.",
        "服务器出错：请重试，或联系管理员。",
    ),
}
