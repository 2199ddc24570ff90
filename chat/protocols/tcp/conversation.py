"""One connection: whose it is, which group is entered, and what is pushed to it."""

from collections.abc import Callable
from datetime import tzinfo
from typing import Any, TypeVar, cast

from chat.errors import ChatError, ErrorCode
from chat.http.bodies import load, parse_object
from chat.http.compact import compact
from chat.http.handler import Handler
from chat.http.wording import fill
from chat.live.peer import LinePeer, Peer
from chat.models import Actor, Event, EventKind, StoredMessage, Visitor
from chat.protocols.tcp import answers
from chat.protocols.tcp.errors import TABLE
from chat.protocols.tcp.requests import REQUESTS
from chat.services import Services
from chat.services.files import Upload
from chat.services.lookups import RoomRef
from chat.services.visits import Visit

LOGIN_SECONDS = 60.0  # so long may nothing be said without being logged in
_MOVES = {EventKind.ENTERED: "进入", EventKind.LEFT: "离开"}
T = TypeVar("T")


class Conversation(Handler):
    form = "tcp"

    def __init__(self, peer: Peer, chat: Services, zone: tzinfo | None) -> None:
        super().__init__(peer, chat)
        self.lines = cast(LinePeer, peer)
        self.zone = zone
        self.is_logged_in = False
        self.visit: Visit | None = None  # in the group entered
        self._entered_at = 0  # µs
        self.upload: Upload | None = None  # a file that is coming in; its bytes come to `take_piece`
        self.take_piece: Callable[[bytes], None] | None = None

    # Called by the connection

    def opened(self) -> None:
        """Say nothing: clients expect the answer to their login to be the first line."""
        self.peer.close_in(LOGIN_SECONDS)

    def received(self, text: str) -> None:
        """One request."""
        if not self.is_logged_in:
            self.peer.close_in(LOGIN_SECONDS)
        self.chat.start()  # where the database was not ready when the server started
        message = parse_object(text.encode())
        kind = message.get("message_type")
        if kind is None:
            raise ChatError(ErrorCode.FIELD_MISSING, field="message_type")
        request = REQUESTS.get(kind) if isinstance(kind, str) else None
        if request is None:
            raise ChatError(ErrorCode.MESSAGE_TYPE_UNKNOWN)
        if request.needs_login:
            self.require_login()
        request.handle(self, load(request.schema, message))

    def received_raw(self, piece: bytes) -> None:
        """The next bytes of a file."""
        if self.take_piece is not None:
            self.take_piece(piece)

    def failed(self, error: ChatError) -> None:
        """The request did nothing, and here is why."""
        number, words = worded(error)
        self.say("error_message", error_code=number, error_message=words)

    def closed(self) -> None:
        """Gone: from the group entered too, and with a file that was coming in."""
        try:
            self.leave_group()
        finally:
            if self.upload is not None:
                self.chat.files.abandon(self.upload)

    def encode(self, message: StoredMessage) -> bytes:
        """A new message, whoever sent it."""
        return compact(answers.pushed(message, self.room_name(message.room_id)))

    def signalled(self, event: Event) -> bytes | None:
        """Somebody else has come into the group entered, or is gone."""
        move, visit = _MOVES.get(event.kind), self.visit
        if move is None or visit is None or visit.room_id != event.subject_id or event.time < self._entered_at:
            return None
        about = Visitor.load(event.data)
        if about.user_id == visit.visitor.user_id:
            return None
        content = f"{about.username} {move}了聊天组 {self.room_name(visit.room_id)}"
        return compact(answers.answer("system_message", content=content, level="info"))

    # For those who answer requests

    def say(self, message_type: str, **fields: Any) -> None:
        """Send one message."""
        self.peer.send(compact(answers.answer(message_type, **fields)))

    def require_login(self) -> None:
        """Raises NOT_SIGNED_IN."""
        if not self.is_logged_in:
            raise ChatError(ErrorCode.NOT_SIGNED_IN)

    def log_in(self, actor: Actor) -> None:
        """From here on this is the actor, and what is new is pushed. Raises NOT_SIGNED_IN, UNAVAILABLE."""
        self.follow(actor, signals=True)
        self.is_logged_in = True

    def log_out(self) -> None:
        """Be nobody again, with as much time to log in as at first."""
        self.is_logged_in = False
        self.leave_group()
        self.unfollow()
        self.peer.close_in(LOGIN_SECONDS)

    def enter_group(self, room_id: int) -> None:
        """Be in this group, and in no other."""
        self.leave_group()
        self._entered_at = self.chat.clock()
        self.visit = self.chat.visits.enter(self.actor, room_id)

    def leave_group(self) -> None:
        """Be in none."""
        visit, self.visit = self.visit, None
        if visit is not None:
            self.chat.visits.leave(visit)

    def group(self, group_id: int | None, name: str | None = None) -> RoomRef:
        """The group that is meant: by its id, else by its name, else the one entered. Raises FIELD_MISSING."""
        if group_id is not None:
            return group_id
        if name:
            return name
        if self.visit is not None:
            return self.visit.room_id
        raise ChatError(ErrorCode.FIELD_MISSING, field="chat_group_id")

    def within(self, ref: RoomRef, work: Callable[[RoomRef], T]) -> T:
        """Do something that only members may. Raises FORBIDDEN where the group can be seen, else ROOM_NOT_FOUND."""
        try:
            return work(ref)
        except ChatError as error:
            if error.code is not ErrorCode.ROOM_NOT_FOUND:
                raise
            self.chat.rooms.view(self.actor, ref)
            raise ChatError(ErrorCode.FORBIDDEN) from None


def worded(error: ChatError) -> tuple[int, str]:
    """A failure's error_code and error_message."""
    number, words = TABLE[error.code]
    return number, fill(words, error.data)
