"""Outgoing messages: each has exactly the keys that published clients expect, null if there is no value."""

from datetime import tzinfo
from typing import Any

from chat.clock import SECOND, system_clock, to_local
from chat.models import Access, MessageType, StoredMessage
from chat.services.attachments import URL_PREFIX
from chat.services.files import FileView
from chat.services.room_views import RoomView

Answer = dict[str, Any]


def answer(message_type: str, **fields: Any) -> Answer:
    """Build a message from the server, with the current time."""
    return {"message_type": message_type, "timestamp": system_clock() / SECOND, **fields}


def said(message_type: str, message: StoredMessage, group_name: str, timestamp: float | str | None = None) -> Answer:
    """Build a chat_message or a message of the same form; the default timestamp is the message's, in epoch seconds."""
    return {
        "message_type": message_type,
        "timestamp": message.time / SECOND if timestamp is None else timestamp,
        "message_id": message.id,
        "sender_id": message.sender_id,
        "sender_username": message.username,
        "chat_group_id": message.room_id,
        "chat_group_name": group_name,
        "content": _content(message),
    }


def recalled(message: StoredMessage, group_name: str, zone: tzinfo | None) -> Answer:
    """Build a message of the history. The published client prints its timestamp unchanged, so it is a date."""
    return said("chat_history", message, group_name, to_local(message.time, zone))


def pushed(message: StoredMessage, group_name: str) -> Answer:
    """Build a new message."""
    kind = "file_notification" if message.type is MessageType.FILE else "chat_message"
    return said(kind, message, group_name)


def _content(message: StoredMessage) -> str:
    match message.type:
        case MessageType.TEXT:
            return message.content
        case MessageType.IMAGE:
            return f"[图片] {URL_PREFIX}{message.attachment_name}"
        case MessageType.FILE:
            size = message.attachment_size
            return f"{message.username} 上传了文件：{message.filename}（{size} 字节，文件ID {message.attachment_id}）"


def user(user_id: int, username: str, *, is_online: bool) -> Answer:
    """Build an entry of a list of users."""
    return {"user_id": user_id, "username": username, "is_online": is_online}


def group(room: RoomView, zone: tzinfo | None) -> Answer:
    """Build an entry of a list of chat groups."""
    return {
        "group_id": room.id,
        "group_name": room.name,
        "is_private_chat": room.access is Access.DIRECT,
        "member_count": room.member_count,
        "created_at": to_local(room.created_at, zone),
    }


def file(found: FileView, zone: tzinfo | None) -> Answer:
    """Build an entry of a list of files."""
    return {
        "file_id": found.id,
        "original_filename": found.filename,
        "file_size": found.size,
        "uploader_username": found.uploader,
        "upload_time": to_local(found.uploaded_at, zone),
    }
