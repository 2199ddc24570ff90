"""The WebSocket at /: after a token for one room, messages go both ways, and arrivals and departures are announced."""

from typing import Any

from flask import Blueprint, Response

from chat.clock import SECOND
from chat.errors import SENDING_TEXT, ChatError, ErrorCode
from chat.http.api_spec import also_words
from chat.http.bodies import load, parse_object
from chat.http.compact_json import compact
from chat.http.context import prefers_chinese
from chat.http.error_messages import whole_seconds, worded
from chat.http.handler import Handler
from chat.http.upgrade import HANDSHAKE, handshake_key, upgrade
from chat.models import Event, EventKind, StoredMessage, Visitor
from chat.protocols.realtime.errors import TABLE
from chat.protocols.realtime.requests import Said, Token
from chat.server.ports import POLICY, TRY_LATER, Peer
from chat.services import Services
from chat.services.attachments import URL_PREFIX
from chat.services.messages import Draft
from chat.services.room_presence import Visit

TOKEN_SECONDS = 10.0  # from the handshake to a valid token
MESSAGE, COMING_OR_GOING = 0, 1  # type
_ACTIONS = {EventKind.LEFT: 0, EventKind.ENTERED: 1}

bp = Blueprint("realtime_socket", __name__)


@bp.route("/", websocket=True)  # the page has the same address for all other requests
@also_words(
    *HANDSHAKE,
    *SENDING_TEXT,
    ErrorCode.FIELD_MISSING,
    ErrorCode.FIELD_INVALID,
    ErrorCode.RATE_LIMITED,
)
def socket() -> Response:
    """Accept any origin and anonymous clients: the token authenticates, not a cookie."""
    chinese = prefers_chinese()
    return upgrade(handshake_key(), lambda peer, chat: RoomSocket(peer, chat, chinese=chinese))


class RoomSocket(Handler):
    """One connection: anonymous until it presents a valid token, then in one room until it closes."""

    form = "realtime"

    def __init__(self, peer: Peer, chat: Services, *, chinese: bool) -> None:
        super().__init__(peer, chat)
        self._chinese = chinese
        self._room_id = 0
        self._visit: Visit | None = None

    def opened(self) -> None:
        """Start the timeout for the token."""
        self.peer.close_in(TOKEN_SECONDS)

    def received(self, text: str) -> None:
        """Handle the token, then messages."""
        frame = parse_object(text.encode())
        if self._visit is None:
            self._enter(load(_TOKEN, frame)["token"])
        else:
            self._say(load(_SAID, frame))

    def failed(self, error: ChatError) -> None:
        """Report why a frame had no effect."""
        _, words = worded(TABLE, error, chinese=self._chinese)
        frame: dict[str, Any] = {"status": False, "error": words}
        if "retry_after" in error.data:
            frame["retry_after"] = whole_seconds(error.data["retry_after"])
        self.peer.send(compact(frame))

    def ended(self, error: ChatError) -> None:
        """Removed from the room: send only the status, as in the document. The close frame has the reason."""
        del error
        self.peer.send(compact({"status": False}))

    def closed(self) -> None:
        """Leave the room; the membership stays."""
        if self._visit is not None:
            self.chat.room_presence.leave(self._visit)

    def encode(self, message: StoredMessage) -> bytes:
        """A message from another user. Pictures and files appear as their URLs."""
        is_text = message.attachment_name is None
        frame = {
            "type": MESSAGE,
            "msg": message.content if is_text else f"{URL_PREFIX}{message.attachment_name}",
            "username": message.username,
            "nickname": message.nickname,
            "time": message.time // SECOND,
        }
        return compact(frame)

    def signalled(self, event: Event) -> bytes | None:
        """Announce another user's arrival or departure."""
        action = _ACTIONS.get(event.kind)
        if action is None:
            return None
        about = Visitor.load(event.data)
        if about.user_id == self.actor.user_id:
            return None
        frame = {
            "type": COMING_OR_GOING,
            "username": about.username,
            "nickname": about.nickname,
            "action": action,
            "time": event.time // SECOND,
        }
        return compact(frame)

    def _enter(self, token: str) -> None:
        """Make the token's holder a member who receives messages from the issue of the token on.

        The document enters the room with the token's request, which is also the last step that is answered
        (docs/decisions/0095).
        """
        try:
            actor, self._room_id, since = self.chat.tickets.redeem(token)
            # Before others are told, so that their greetings arrive.
            self.follow(actor, self._room_id, signals=True, since=since)
            self._visit = self.chat.room_presence.enter(actor, self._room_id)
        except ChatError as error:
            if error.code is ErrorCode.UNAVAILABLE:
                # The token may be consumed; the client must start again with a new one.
                self.failed(error)
                self.peer.close(TRY_LATER, "try again")
            else:
                self._put_out(error, "bad token")

    def _say(self, said: dict[str, Any]) -> None:
        draft = Draft(text=said["msg"], client_message_id=said["client_message_id"])
        try:
            message = self.chat.messages.send(self.actor, self._room_id, draft)
        except ChatError as error:
            if error.code is not ErrorCode.ROOM_NOT_FOUND:
                raise
            self._put_out(error, "no member any more")
            return
        self.leave_out(message)
        self.peer.send(compact({"status": True}))

    def _put_out(self, error: ChatError, reason: str) -> None:
        self.ended(error)
        self.peer.close(POLICY, reason)


_TOKEN, _SAID = Token(), Said()
