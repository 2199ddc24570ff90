"""/ws/?token=: notifies clients of the kind of news; they fetch it over HTTP."""

import time

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
# Each costs a request of each member of the room, however long a flood of messages lasts.
NOTIFIED_AT_ONCE, NOTIFIED_A_SECOND = 10, 10
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
        self._rested_at = 0.0  # time.monotonic() s; NOTIFIED_AT_ONCE may be sent from then on
        self.pace = self._pace

    def opened(self) -> None:
        """Follow all rooms and the user's own signals."""
        self.push(self._waiting)

    def received(self, text: str) -> None:
        """Ignore messages from the client."""

    def failed(self, error: ChatError) -> None:
        """Do nothing: the protocol has no error messages."""

    def _pace(self) -> float:
        """Return the seconds to wait after this notice; news that arrives meanwhile is one notice."""
        now = time.monotonic()
        self._rested_at = max(self._rested_at, now) + 1 / NOTIFIED_A_SECOND
        wait = self._rested_at - now - (NOTIFIED_AT_ONCE - 1) / NOTIFIED_A_SECOND
        return wait if wait > 0.001 else 0.0

    def encode(self, message: StoredMessage) -> bytes:
        """Notify of a message, its sender included."""
        del message
        return _MESSAGE

    def signalled(self, event: Event) -> bytes | None:
        """Notify of friend requests, ended friendships, and changed lists of conversations or members."""
        return _SIGNALS.get(event.kind)
