"""Representation of messages in this protocol. Each is encoded once for all readers."""

import base64
import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from functools import cache
from typing import Any

from flask import Response, has_app_context

from chat.clock import to_iso
from chat.http.compact_json import compact, fitting
from chat.http.context import prefers_chinese, services
from chat.http.held_pulls import NeedsThreadError, Render
from chat.http.long_poll import body_response
from chat.models import ChangeKind, Entry, MemberState, MessageType, StoredChange, StoredMessage
from chat.services.attachments import URL_PREFIX
from chat.services.pulls import ANSWER_MAX_BYTES, News

TYPES = {MessageType.TEXT: "text", MessageType.IMAGE: "img", MessageType.FILE: "file"}
_CHUNK_BYTES = 64 * 1024
_one_picture_at_a_time = threading.Lock()  # many readers woken by one picture encode it once


class Form(Enum):
    """How much of a message is shown; as the key of its encoded form."""

    PLAIN = "polling"
    DETAIL = "polling detail"
    LINKS = "polling links"  # in detail, with pictures as addresses


def form_of(query: dict[str, Any]) -> Form:
    """The form that a query asks for."""
    return (Form.LINKS if query["links"] else Form.DETAIL) if query["detail"] else Form.PLAIN


@cache
def pull_renderer(form: Form, chinese: bool) -> Render:
    """Return a function that builds {"status", "feedback", <room>: [message, …], …}: up to 8 MiB, but at least one
    message.
    """

    def render(news: News) -> list[bytes]:
        return _pieces(_pull_parts(_pull_feedback(news, chinese), news, form))

    return render


def _pull_feedback(news: News, chinese: bool) -> str:
    count = sum(_count(entries) for entries in news.rooms.values())
    if chinese:
        feedback = f"{count} 条消息。" if count else "暂无新消息。"
        left_out = "你不在以下聊天室中，已略去："
    else:
        feedback = f"{count} messages." if count else "Nothing new."
        left_out = " Left out, as you are not in them: "
    if news.missing:
        feedback += left_out + ", ".join(name[:100] for name in news.missing)
    return feedback


def _count(entries: Iterable[Entry]) -> int:
    """How many of a timeline's entries are messages, not changes."""
    return sum(isinstance(entry, StoredMessage) for entry in entries)


def history_answer(messages: Sequence[Entry], limit: int, form: Form) -> Response:
    """Build {"status", "feedback", "messages": [message, …]} with at most `limit` messages.

    In detail also "more": whether older messages exist. Above 8 MiB the oldest are left to the next page.
    """
    kept = fitting(_encoded(message, form) for message in reversed(messages[-limit:]))
    count = _count(messages[len(messages) - len(kept) :])
    feedback = f"共 {count} 条消息。" if prefers_chinese() else f"{count} messages."
    more = (b',"more":' + compact(len(kept) < len(messages))) if form is not Form.PLAIN else b""
    return body_response(_pieces([_head(feedback), b',"messages":[', b",".join(reversed(kept)), b"]", more, b"}"]))


def around_answer(messages: Sequence[StoredMessage], middle: int, limit: int, form: Form) -> Response:
    """Build the answer with `limit` messages around the one at index `middle`, each half of at most 4 MiB.

    In detail also "more" and "newer": whether there are older and newer ones.
    """
    first = max(0, middle - limit // 2)
    newer = fitting((_encoded(m, form) for m in messages[middle : first + limit]), ANSWER_MAX_BYTES // 2)
    older = fitting((_encoded(m, form) for m in reversed(messages[first:middle])), ANSWER_MAX_BYTES // 2)
    count = len(older) + len(newer)
    feedback = f"共 {count} 条消息。" if prefers_chinese() else f"{count} messages."
    more = b',"more":' + compact(len(older) < middle) + b',"newer":' + compact(middle + len(newer) < len(messages))
    shown = b",".join([*reversed(older), *newer])
    return body_response(
        _pieces([_head(feedback), b',"messages":[', shown, b"]", more if form is not Form.PLAIN else b"", b"}"])
    )


def _pull_parts(feedback: str, news: News, form: Form) -> Iterator[bytes]:
    yield _head(feedback)
    size, full = 0, False
    for room, messages in news.rooms.items():
        yield b"," + compact(room) + b":["
        for position, message in enumerate(() if full else messages):
            encoded = _encoded(message, form)
            full = size > 0 and size + len(encoded) > ANSWER_MAX_BYTES
            if full:
                break
            size += len(encoded) + 1
            if position:
                yield b","
            yield encoded  # unchanged: other readers get the same bytes
        yield b"]"
    yield b"}"


def _head(feedback: str) -> bytes:
    return b'{"status":"success","feedback":' + compact(feedback)


def _encoded(message: Entry, form: Form) -> bytes:
    known = message.encoded.get(form.value)
    if known is not None:
        return known
    if isinstance(message, StoredChange):
        encoded = compact(_change(message))
    elif message.type is not MessageType.IMAGE or form is Form.LINKS:
        encoded = compact(shown_message(message, form))
    else:
        with _one_picture_at_a_time:
            encoded = message.encoded.get(form.value) or compact(shown_message(message, form))
    message.encoded[form.value] = encoded
    return encoded


def shown_message(message: StoredMessage, form: Form) -> dict[str, Any]:
    """Return the message's keys and values."""
    shown: dict[str, Any] = {
        "user": message.username,
        "type": TYPES[message.type],
        "timestamp": to_iso(message.time),
        "content": _content(message, form),
    }
    if form is not Form.PLAIN:
        shown |= {
            "id": message.id,
            "user_id": message.sender_id,
            "nickname": message.nickname,
            "teacher": message.is_teachers,
            "avatar": message.avatar,
            "reply_to": message.reply_to_id,
            "client_message_id": message.client_message_id,
            "edited": to_iso(message.edited_at) if message.edited_at else None,
            "reactions": dict(message.reactions),
            "mentions": message.mentions,
            "mentions_all": message.mentions_all,
        }
        if message.type is MessageType.FILE:
            shown |= {"filename": message.filename, "size": message.attachment_size}
        elif message.type is MessageType.IMAGE and form is Form.LINKS:
            shown |= {"width": message.width, "height": message.height}
    return shown


def _change(change: StoredChange) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "change": change.kind,
        "timestamp": to_iso(change.time) if change.time else "",
        **({"id": change.message_id} if change.message_id else {}),
        "user": change.username,
        "user_id": change.actor_id,
    }
    if change.kind is ChangeKind.EDITED:
        shown |= {"content": change.content, "mentions": change.mentions, "mentions_all": change.mentions_all}
    elif change.kind is ChangeKind.REACTIONS:
        shown |= {"emoji": change.emoji, "on": change.is_on}
    elif change.kind is ChangeKind.PINNED:
        shown |= {"on": change.is_on}
    elif change.kind is ChangeKind.ROOM:
        shown |= {"settings": {"seen_by": True} | json.loads(change.settings)}  # older entries lack it
    elif change.kind is ChangeKind.MEMBERS:
        shown |= {"members": [_member(member) for member in change.members]}
    return shown


def _member(member: MemberState) -> dict[str, Any]:
    muted_until = to_iso(member.muted_until) if member.muted_until else ""
    return {"user": member.username, "user_id": member.user_id, "role": member.role, "muted_until": muted_until}


def _content(message: StoredMessage, form: Form) -> str:
    if message.attachment_name is None:
        return message.content
    if message.type is MessageType.FILE or form is Form.LINKS:
        return URL_PREFIX + message.attachment_name
    if not has_app_context():
        raise NeedsThreadError
    loaded = services().attachments.load(message.attachment_name)
    return base64.b64encode(loaded.data).decode() if loaded else ""


def _pieces(parts: Iterable[bytes]) -> list[bytes]:
    """Join small parts to reduce the number of writes; large parts stay shared between readers."""
    chunks: list[bytes] = []
    small: list[bytes] = []
    small_bytes = 0
    for part in parts:
        if len(part) < _CHUNK_BYTES:
            small.append(part)
            small_bytes += len(part)
        if small and (len(part) >= _CHUNK_BYTES or small_bytes >= _CHUNK_BYTES):
            chunks.append(b"".join(small))
            small, small_bytes = [], 0
        if len(part) >= _CHUNK_BYTES:
            chunks.append(part)
    chunks.append(b"".join(small))
    return chunks
