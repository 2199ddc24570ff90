"""/ws/?token=: notifies clients of the kind of news; they fetch it over HTTP."""

from flask import Blueprint, Response

from chat.errors import ChatError, ErrorCode
from chat.http.api_spec import also_words
from chat.http.auth import handshaking_actor
from chat.http.context import services
from chat.http.handler import Handler
from chat.http.upgrade import HANDSHAKE, handshake_key, upgrade
from chat.models import Event, EventKind, StoredMessage
from chat.server.ports import Peer
from chat.services import Services
from chat.services.subscriptions import Subscription

bp = Blueprint("ims_socket", __name__)
_MESSAGE = b'{"type":"notify"}'  # tells clients to reload their lists
_SIGNALS = {
    EventKind.FRIEND_REQUESTED: b'{"type":"request_message"}',
    EventKind.UNFRIENDED: b'{"type":"delete_friend"}',
    EventKind.ADMITTED: _MESSAGE,
    EventKind.CONCERNS_MEMBERS: _MESSAGE,
}


@bp.route("/ws/", websocket=True)
@also_words(*HANDSHAKE, ErrorCode.NOT_SIGNED_IN, ErrorCode.ORIGIN_FOREIGN)
def socket() -> Response:
    """Not in the document; published clients use it."""
    actor = handshaking_actor()
    key = handshake_key()
    waiting = services().subscriptions.open(actor, signals=True)  # before the 101, as nothing may be missed after it
    return upgrade(key, lambda peer, chat: Notices(peer, chat, waiting), waiting.close)


class Notices(Handler):
    """One connection of one user. Sends only these types, because the clients report any other as an error."""

    form = "ims notice"

    def __init__(self, peer: Peer, chat: Services, waiting: Subscription) -> None:
        super().__init__(peer, chat)
        self._waiting = waiting

    def opened(self) -> None:
        """Follow all rooms and the user's own signals."""
        self.push(self._waiting)

    def received(self, text: str) -> None:
        """Ignore messages from the client."""

    def failed(self, error: ChatError) -> None:
        """Do nothing: the protocol has no error messages."""

    def encode(self, message: StoredMessage) -> bytes:
        """Notify of a message, its sender included."""
        del message
        return _MESSAGE

    def signalled(self, event: Event) -> bytes | None:
        """Notify of friend requests, ended friendships, and changed lists of conversations or members."""
        return _SIGNALS.get(event.kind)
