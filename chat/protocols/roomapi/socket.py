"""The WebSockets: messages of all the user's rooms are pushed, and a frame is a message to one of them."""

from typing import Any

from flask import Blueprint, Response

from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import also_words
from chat.http.auth import handshaking_actor
from chat.http.bodies import draft_of, load, parse_object
from chat.http.compact_json import compact
from chat.http.context import services
from chat.http.handler import Handler
from chat.http.upgrade import HANDSHAKE, handshake_key, upgrade
from chat.models import StoredMessage
from chat.protocols.roomapi import render
from chat.protocols.roomapi.errors import OK, PONG, SEND_FAILURES, envelope, refusal
from chat.protocols.roomapi.requests import Send
from chat.server.ports import Peer
from chat.services import Services
from chat.services.subscriptions import Subscription

bp = Blueprint("roomapi_socket", __name__)
_SEND = Send()


@bp.route("/api/message/ws", websocket=True)
@also_words(*HANDSHAKE, ErrorCode.NOT_SIGNED_IN, ErrorCode.ORIGIN_FOREIGN, *SEND_FAILURES)
def socket() -> Response:
    """As in the document, with the token in the Authorization header or ?token=."""
    return _upgraded(is_greeted=True)


@bp.route("/ws/join", websocket=True)
@also_words(*HANDSHAKE, ErrorCode.NOT_SIGNED_IN, ErrorCode.ORIGIN_FOREIGN, *SEND_FAILURES)
def join() -> Response:
    """The address of published clients, which cannot handle a greeting."""
    return _upgraded(is_greeted=False)


def _upgraded(*, is_greeted: bool) -> Response:
    actor, place = handshaking_actor(), render.here(is_published_client=not is_greeted)
    key = handshake_key()
    waiting = services().subscriptions.open(actor)  # before the 101, as nothing may be missed after it
    return upgrade(
        key, lambda peer, chat: MessageSocket(peer, chat, waiting, place, is_greeted=is_greeted), waiting.close
    )


class MessageSocket(Handler):
    """One connection of one user."""

    form = "roomapi"

    def __init__(
        self, peer: Peer, chat: Services, waiting: Subscription, place: render.Place, *, is_greeted: bool
    ) -> None:
        super().__init__(peer, chat)
        self._waiting = waiting
        self._place = place
        self._is_greeted = is_greeted

    def opened(self) -> None:
        """Greet the client, and push messages after the greeting."""
        self.push(self._waiting)
        if self._is_greeted:
            self._tell(envelope(OK, "连接成功"))

    def received(self, text: str) -> None:
        """Handle a message or {"type": "ping"}."""
        frame = parse_object(text.encode())
        if frame.get("type") == "ping":
            self._tell(envelope(PONG, "ok"))
            return
        said = load(_SEND, frame)
        message = self.chat.messages.send(self.actor, said["room_id"], draft_of(said, image="image"))
        # A new message is pushed to its sender like to all others; a retry is answered here.
        if self.was_pushed(message):
            self.peer.send(self.encode(message))

    def failed(self, error: ChatError) -> None:
        """Send code 1 with the reason."""
        self._tell(refusal(error))

    def form_of(self, message: StoredMessage) -> str:
        """No shared encoding for pictures and files, whose URLs differ per client."""
        return self.form if message.attachment_name is None else ""

    def encode(self, message: StoredMessage) -> bytes:
        return compact(envelope(OK, "新消息", render.message(message, self._place)))

    def _tell(self, frame: dict[str, Any]) -> None:
        self.peer.send(compact(frame))
