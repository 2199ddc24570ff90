"""Descriptions that several requests and answers share."""

from chat.http.api_spec import about
from chat.names import ROOM_NAME_MAX_CHARS
from chat.services.room_settings import TOPIC_MAX_CHARS

TIME = "2026-11-21T09:15:03.123456Z"
ROOMNAME = about(
    "1 to 60 characters, no spaces at the ends; upper and lower case are the same name",
    "1 到 60 个字符，首尾无空格，不区分大小写",
    minLength=1,
    maxLength=ROOM_NAME_MAX_CHARS,
    examples=["physics"],
)
DETAIL = about("1 for more keys", "1：返回更多字段")
MORE = about("with ?detail=1", "?detail=1 时")
TOPIC = about("the subject of the room", "聊天室的主题", maxLength=TOPIC_MAX_CHARS)
READ_ONLY = about("only owner, admins and teachers write", "只有创建者、管理员和老师可以发言")
SLOW_MODE = ("seconds between two messages of one person (0 to 3600)", "每人两条消息的间隔秒数（0 到 3600）")
SEEN_BY = about("whether members see who has read a message", "成员是否可查看谁已读消息")
ARCHIVED = about("nobody writes; not in lists; still readable", "不能发言，不在列表中，仍可阅读")
