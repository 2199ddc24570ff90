"""The tcp protocol (docs/protocols/tcp.md; docs/specification.md, "tcp"): JSON in lines, at a port of its own.

conversation.py  one connection: reads requests, keeps who it is and which group is entered, pushes
requests.py      which function answers which message_type
account.py, groups.py, talk.py, files.py   these functions
"""

from flask import Flask

from chat.http.compact import compact
from chat.http.handler import InApp
from chat.live.frames import GOING_AWAY, INTERNAL, NORMAL, POLICY, TOO_LARGE
from chat.live.peer import LineProtocol
from chat.protocols.tcp import account, files, groups, talk  # noqa: F401 - each makes its requests known
from chat.protocols.tcp.answers import answer
from chat.protocols.tcp.conversation import Conversation

EXTENSION = "commonroom.lines"  # where gunicorn.conf.py finds what is spoken at TCP_PORT

# By the code with which a connection is closed: error_code, and what is said.
_LAST_WORDS = {
    TOO_LARGE: (1008, "消息过长：每行最多 64 KiB，连接已关闭。"),
    POLICY: (1001, "登录已失效，或超时未登录：请重新连接并登录。"),
    INTERNAL: (1009, "服务器内部错误，连接已关闭：请重新连接。"),
}
_TOO_SLOW = (1008, "接收或发送数据过慢，或连接过多：请稍后重新连接。")


def register(app: Flask) -> None:
    """Have it spoken where the server gives it a port."""
    zone = app.config["TIMEZONE"]
    app.extensions[EXTENSION] = LineProtocol(
        open=lambda: InApp(app, lambda peer, chat: Conversation(peer, chat, zone)), farewell=farewell
    )


def farewell(code: int, reason: str) -> bytes:
    """The last line of a connection that the server closes; nothing where the client has said good-bye."""
    del reason  # in English, and for logs
    if code == NORMAL:
        return b""
    if code == GOING_AWAY:
        return compact(answer("system_message", content="服务器正在关闭，请稍后重新连接。", level="warning")) + b"\n"
    number, words = _LAST_WORDS.get(code, _TOO_SLOW)
    return compact(answer("error_message", error_code=number, error_message=words)) + b"\n"
