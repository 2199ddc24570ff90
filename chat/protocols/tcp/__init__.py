"""The tcp protocol (docs/protocols/tcp.md; docs/specification.md, "tcp"): lines of JSON on a port of its own.

connection.py    one connection: authentication, the entered group, pushes
requests.py      the fields of requests
routes.py        maps each message_type to its handler
account.py, groups.py, messages.py, files.py   the handlers
"""

from flask import Flask

from chat.http.compact_json import compact
from chat.http.handler_session import HandlerSession
from chat.protocols.tcp import account, files, groups, messages  # noqa: F401 - each registers its requests
from chat.protocols.tcp.connection import Conversation
from chat.protocols.tcp.render import answer
from chat.protocols.tcp.routes import REQUESTS
from chat.server.ports import GOING_AWAY, INTERNAL, NORMAL, POLICY, TOO_LARGE, LineProtocol

EXTENSION = "commonroom.lines"  # gunicorn.conf.py finds the protocol of TCP_PORT here

# By close code: error_code and text.
_LAST_WORDS = {
    TOO_LARGE: (1008, "消息过长：每行最多 64 KiB，连接已关闭。"),
    POLICY: (1001, "登录已失效，或超时未登录：请重新连接并登录。"),
    INTERNAL: (1009, "服务器内部错误，连接已关闭：请重新连接。"),
}
_TOO_SLOW = (1008, "接收或发送数据过慢，或连接过多：请稍后重新连接。")


def register(app: Flask) -> None:
    """Provide the protocol for the server's TCP port."""
    zone = app.config["TIMEZONE"]
    app.extensions[EXTENSION] = LineProtocol(
        open=lambda: HandlerSession(app, lambda peer, chat: Conversation(peer, chat, zone, REQUESTS)), farewell=farewell
    )


def farewell(code: int, reason: str) -> bytes:
    """Return the last line before the server closes a connection; empty if the client closed it."""
    del reason  # in English, for logs
    if code == NORMAL:
        return b""
    if code == GOING_AWAY:
        return compact(answer("system_message", content="服务器正在关闭，请稍后重新连接。", level="warning")) + b"\n"
    number, words = _LAST_WORDS.get(code, _TOO_SLOW)
    return compact(answer("error_message", error_code=number, error_message=words)) + b"\n"
