"""One connection: the user, the entered group, and pushes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, TypeVar, cast

from marshmallow import Schema

from chat.errors import ChatError, ErrorCode
from chat.http.bodies import load, parse_object
from chat.http.compact_json import compact
from chat.http.error_messages import fill
from chat.http.handler import Handler
from chat.models import Actor, Event, EventKind, StoredMessage, Visitor
from chat.protocols.tcp import render
from chat.protocols.tcp.errors import TABLE
from chat.server.ports import LinePeer, Peer
from chat.services import Services
from chat.services.access import RoomRef
from chat.services.files import Upload
from chat.services.room_presence import Visit

LOGIN_SECONDS = 60.0  # time limit for logging in
_MOVES = {EventKind.ENTERED: "进入", EventKind.LEFT: "离开"}
T = TypeVar("T")
Handle = Callable[["Conversation", dict[str, Any]], None]


@dataclass(frozen=True)
class Request:
    """A kind of request: see chat.protocols.tcp.routes."""

    schema: Schema
    handle: Handle
    needs_login: bool
    failures: tuple[ErrorCode, ...]  # in addition to those of every line


class Conversation(Handler):
    form = "tcp"

    def __init__(self, peer: Peer, chat: Services, zone: tzinfo | None, requests: Mapping[str, Request]) -> None:
        super().__init__(peer, chat)
        self.lines = cast(LinePeer, peer)
        self.zone = zone
        self._requests = requests  # by message_type
        self.is_logged_in = False
        self.visit: Visit | None = None  # in the entered group
        self._entered_at = 0  # µs
        self.upload: Upload | None = None  # a file being uploaded; its bytes go to `take_piece`
        self.take_piece: Callable[[bytes], None] | None = None

    # Called by the connection

    def opened(self) -> None:
        """Send nothing: clients expect the first line to answer their login."""
        self.peer.close_in(LOGIN_SECONDS)

    def received(self, text: str) -> None:
        """Handle a request."""
        if not self.is_logged_in:
            self.peer.close_in(LOGIN_SECONDS)
        if not self.chat.is_started:  # the database was not ready when the server started
            self.chat.start()
        message = parse_object(text.encode())
        kind = message.get("message_type")
        if kind is None:
            raise ChatError(ErrorCode.FIELD_MISSING, field="message_type")
        request = self._requests.get(kind) if isinstance(kind, str) else None
        if request is None:
            raise ChatError(ErrorCode.MESSAGE_TYPE_UNKNOWN)
        if request.needs_login:
            self.require_login()
        request.handle(self, load(request.schema, message))

    def received_raw(self, piece: bytes) -> None:
        """Handle the next bytes of a file."""
        if self.take_piece is not None:
            self.take_piece(piece)

    def failed(self, error: ChatError) -> None:
        """Report why the request had no effect."""
        number, words = worded(error)
        self.say("error_message", error_code=number, error_message=words)

    def closed(self) -> None:
        """Leave the entered group, and abandon an unfinished upload."""
        try:
            self.leave_group()
        finally:
            if self.upload is not None:
                self.chat.files.abandon(self.upload)

    def encode(self, message: StoredMessage) -> bytes:
        """Encode a new message, regardless of its sender."""
        return compact(render.pushed(message, self.room_name(message.room_id)))

    def signalled(self, event: Event) -> bytes | None:
        """Announce another user's arrival in the entered group, or departure."""
        move, visit = _MOVES.get(event.kind), self.visit
        if move is None or visit is None or visit.room_id != event.subject_id or event.time < self._entered_at:
            return None
        about = Visitor.load(event.data)
        if about.user_id == visit.visitor.user_id:
            return None
        content = f"{about.username} {move}了聊天组 {self.room_name(visit.room_id)}"
        return compact(render.answer("system_message", content=content, level="info"))

    # Called by the handlers

    def say(self, message_type: str, **fields: Any) -> None:
        """Send one message."""
        self.peer.send(compact(render.answer(message_type, **fields)))

    def require_login(self) -> None:
        """Raises NOT_SIGNED_IN."""
        if not self.is_logged_in:
            raise ChatError(ErrorCode.NOT_SIGNED_IN)

    def log_in(self, actor: Actor) -> None:
        """Make this actor the connection's user and push new messages. Raises NOT_SIGNED_IN, UNAVAILABLE."""
        self.follow(actor, signals=True)
        self.is_logged_in = True

    def log_out(self) -> None:
        """Become anonymous, with the initial time limit for logging in."""
        self.is_logged_in = False
        self.leave_group()
        self.unfollow()
        self.peer.close_in(LOGIN_SECONDS)

    def enter_group(self, room_id: int) -> None:
        """Enter this group and leave any other."""
        self.leave_group()
        self._entered_at = self.chat.clock()
        self.visit = self.chat.room_presence.enter(self.actor, room_id)

    def leave_group(self) -> None:
        """Leave the entered group."""
        visit, self.visit = self.visit, None
        if visit is not None:
            self.chat.room_presence.leave(visit)

    def group(self, group_id: int | None, name: str | None = None) -> RoomRef:
        """Return the requested group: by id, by name, or the entered one. Raises FIELD_MISSING."""
        if group_id is not None:
            return group_id
        if name:
            return name
        if self.visit is not None:
            return self.visit.room_id
        raise ChatError(ErrorCode.FIELD_MISSING, field="chat_group_id")

    def within(self, ref: RoomRef, work: Callable[[RoomRef], T]) -> T:
        """Run an action for members. Raises FORBIDDEN if the caller can see the group but is no member, else
        ROOM_NOT_FOUND.
        """
        try:
            return work(ref)
        except ChatError as error:
            if error.code is not ErrorCode.ROOM_NOT_FOUND:
                raise
            self.chat.rooms.view(self.actor, ref)
            raise ChatError(ErrorCode.FORBIDDEN) from None


def worded(error: ChatError) -> tuple[int, str]:
    """Return a failure's error_code and error_message."""
    number, words = TABLE[error.code]
    return number, fill(words, error.data, chinese=True)
