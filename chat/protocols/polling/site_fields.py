"""Descriptions of site settings that requests and answers share."""

from marshmallow import validate

from chat.http.api_spec import about
from chat.services.site import NAME_MAX_CHARS, Registration

MODES = validate.OneOf(list(Registration))
REGISTRATION = about(
    "who may register: open everybody, code who has a join code, closed nobody",
    "谁可以注册：open 任何人，code 有加入码的人，closed 不开放",
)
SITE_NAME = about(
    'what the page calls it; "": Commonroom', '页面显示的名称；"" 为 Commonroom', maxLength=NAME_MAX_CHARS
)
ROOMS = about("whether others than teachers may make rooms", "除老师外是否可以创建聊天室")
PRIVATE = about("whether rooms that only their members see may be made", "是否可以创建只有成员可见的聊天室")
DIRECT = about("whether direct conversations may be begun", "是否可以开始私聊")
NAMES = about("whether others than teachers may change their own names", "除老师外是否可以修改自己的名称")
SLOW_MODE = (
    "seconds between two messages of one person, in rooms without a setting of their own (0 to 3600)",
    "没有自己设置的聊天室中，每人两条消息的间隔秒数（0 到 3600）",
)
KEEP_DAYS = (
    "after how many days messages are removed for good, with their pictures and files (0: never)",
    "消息保留的天数，过后连同图片和文件一并彻底删除（0：一直保留）",
)
