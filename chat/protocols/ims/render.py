"""Representation of users, messages and times in this protocol."""

import json
from collections.abc import Iterable
from typing import Any

from flask import Response, request

from chat.clock import to_whole_iso
from chat.http.compact_json import compact, fitting
from chat.http.long_poll import body_response
from chat.models import MessageType, StoredMessage
from chat.services.attachments import URL_PREFIX
from chat.services.avatars import URL_PREFIX as AVATAR_PREFIX
from chat.services.message_queries import Quote
from chat.services.user_directory import Person

_TYPES = {MessageType.TEXT: 0, MessageType.IMAGE: 1, MessageType.FILE: 0}


def person(shown: Person) -> dict[str, Any]:
    """A user in a list."""
    return {
        "id": shown.user_id,
        "email": shown.email,
        "name": shown.nickname,
        "avatar": avatar(shown.avatar),
        "deleted": shown.is_deleted,
    }


def avatar(text: str) -> str:
    """A user's or room's avatar: the picture's full URL, or the stored text."""
    return request.host_url.rstrip("/") + text if text.startswith(AVATAR_PREFIX) else text


def content(text: str, attachment_name: str | None) -> str:
    """A message's text, or the full URL of its attachment, because front ends usually come from another server."""
    return text if attachment_name is None else request.host_url.rstrip("/") + URL_PREFIX + attachment_name


def message(shown: StoredMessage, quotes: dict[int, Quote]) -> dict[str, Any]:
    """A message in a conversation."""
    about: dict[str, Any] = {
        "id": shown.id,
        "type": _TYPES[shown.type],
        "content": content(shown.content, shown.attachment_name),
        "senderid": shown.sender_id,
        "sendername": shown.nickname,
        "senderavatar": avatar(shown.avatar),
    }
    if shown.reply_to_id is not None:
        quote = quotes.get(shown.reply_to_id, Quote())
        about |= {"reply_to": content(quote.text, quote.attachment_name), "reply_to_id": shown.reply_to_id}
    return about | {"conversation": shown.room_id, "created_time": to_whole_iso(shown.time)}


def found_message(shown: StoredMessage, id_name: str) -> dict[str, Any]:
    """A message as a search result or reply."""
    return {
        id_name: shown.id,
        "sender_id": shown.sender_id,
        "sender_name": shown.nickname,
        "sender_avatar": avatar(shown.avatar),
        "content": content(shown.content, shown.attachment_name),
        "timestamp": to_whole_iso(shown.time),
    }


def encoded(messages: Iterable[dict[str, Any]]) -> list[bytes]:
    """Encode as many of the first messages as fit into an answer."""
    return fitting(map(compact, messages))


def list_answer(name: str, pieces: list[bytes], **more: str) -> Response:
    """Build {"code": 0, "info": "success", name: [pieces]} with additional keys."""
    head = b'{"code":0,"info":"success","%s":[' % name.encode()
    end = b"]" + b"".join(b"," + json.dumps({key: value}).encode()[1:-1] for key, value in more.items()) + b"}"
    return body_response([head, b",".join(pieces), end])
