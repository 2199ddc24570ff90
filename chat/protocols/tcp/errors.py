"""This protocol's error codes and texts for failures, in the style of its document."""

from chat.errors import ErrorCode

AUTH, TAKEN, USER, GROUP, RIGHT, FILE, TOO_LARGE, INVALID, OURS = 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009

# code: error_code, error_message. Braces contain the error's data.
TABLE: dict[ErrorCode, tuple[int, str]] = {
    ErrorCode.BODY_MALFORMED: (INVALID, "消息无法解析（{reason}）：每行请发送一个 JSON 对象。"),
    ErrorCode.BODY_TOO_LARGE: (INVALID, "消息过长：最多 {limit} 字节。"),
    ErrorCode.FIELD_MISSING: (INVALID, "缺少 {field}：请补上。"),
    ErrorCode.FIELD_INVALID: (INVALID, "{field} 不符合要求：请查看接口文档中的类型和长度。"),
    # The only failure that depends on the state of the connection: a second login.
    ErrorCode.METHOD_NOT_ALLOWED: (INVALID, "已经登录，不能使用 {method}：请先登出。"),
    ErrorCode.RATE_LIMITED: (INVALID, "操作过于频繁：请 {retry_after} 秒后再试。"),
    ErrorCode.NOT_SIGNED_IN: (AUTH, "未登录：请先登录。"),
    ErrorCode.CREDENTIALS_WRONG: (AUTH, "用户名或密码错误"),
    ErrorCode.USERNAME_TAKEN: (TAKEN, "用户名 {username} 已存在：请换一个，或直接登录。"),
    ErrorCode.TEACHERS_NAME: (TAKEN, "名称 {name} 与老师的名称相似：请换一个。"),
    ErrorCode.USERNAME_INVALID: (INVALID, "用户名无效：1 到 32 个可见字符，首尾无空格，无控制符，不以组合符号开头。"),
    ErrorCode.DISABLED: (AUTH, "账号已被停用：请联系老师。"),
    ErrorCode.REGISTRATION_CLOSED: (RIGHT, "此处不开放注册：请向老师索取账号。"),
    ErrorCode.JOIN_CODE_WRONG: (RIGHT, "需要有效的加入码：请向老师索取。"),
    ErrorCode.PASSWORD_INVALID: (INVALID, "密码长度应为 {min} 到 {max} 个字符。"),
    ErrorCode.USER_NOT_FOUND: (USER, "用户 {username} 不存在。"),
    ErrorCode.ROOM_NOT_FOUND: (GROUP, "聊天组 {room} 不存在。"),
    ErrorCode.ROOM_NAME_TAKEN: (INVALID, "聊天组名称 {room} 已被使用：请换一个。"),
    ErrorCode.ROOM_NAME_INVALID: (
        INVALID,
        "聊天组名称无效：1 到 60 个可见字符，首尾无空格，无控制符，不以组合符号开头。",
    ),
    ErrorCode.ROOM_NAME_RESERVED: (INVALID, "聊天组名称 {room} 不可用：请换一个。"),
    ErrorCode.ROOMS_BY_TEACHERS: (RIGHT, "只有老师可以创建聊天组。"),
    ErrorCode.ROOMS_OWNED: (RIGHT, "你已拥有 {limit} 个聊天组：请先删除不再需要的。"),
    ErrorCode.ADDED_TOO_MANY: (INVALID, "人数过多：一次最多添加 {limit} 人。"),
    ErrorCode.CANNOT_BE_ADDED: (RIGHT, "成员中有人现在无法添加：请把聊天组名称告诉对方，由对方加入。"),
    ErrorCode.BARRED: (RIGHT, "该用户已被移出聊天组，不能再加入：请联系创建者或老师。"),
    ErrorCode.ARCHIVED: (RIGHT, "聊天组已归档：可以阅读，但不能再发言。"),
    ErrorCode.READ_ONLY: (RIGHT, "聊天组为只读：只有创建者、管理员和老师可以发言。"),
    ErrorCode.MUTED: (RIGHT, "你已被禁言：{retry_after} 秒后可以发言。"),
    ErrorCode.SLOW_MODE: (INVALID, "聊天组已开启慢速模式：请 {retry_after} 秒后再发。"),
    ErrorCode.FORBIDDEN: (RIGHT, "权限不足：你不在该聊天组中，或该聊天组需要密码。"),
    ErrorCode.NOT_FRIENDS: (RIGHT, "你们已不是好友，不能互发消息。"),
    ErrorCode.MESSAGE_EMPTY: (INVALID, "消息内容不能为空。"),
    ErrorCode.MESSAGE_TOO_LONG: (INVALID, "消息过长：最多 {limit} 个字符。"),
    ErrorCode.MESSAGE_TYPE_UNKNOWN: (INVALID, "无效的 message_type：请查看接口文档。"),
    ErrorCode.MESSAGE_ID_INVALID: (INVALID, "client_message_id 应为 1 到 64 个字符。"),
    ErrorCode.FILE_NOT_FOUND: (FILE, "文件不存在。"),
    ErrorCode.FILE_TOO_LARGE: (TOO_LARGE, "文件过大：最多 {limit} 字节。"),
    ErrorCode.QUOTA_USED: (TOO_LARGE, "你今天存储的数据已达上限（{limit} 字节）：请 {retry_after} 秒后再试。"),
    ErrorCode.STORAGE_FULL: (OURS, "服务器没有空间存储文件：请联系管理员。"),
    ErrorCode.UNAVAILABLE: (OURS, "服务器暂时繁忙：请 {retry_after} 秒后再试。"),
    ErrorCode.INTERNAL: (OURS, "服务器内部错误。"),
}
