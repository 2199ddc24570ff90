"""/ws/?token=: tells that there is something new, and of what kind; the client asks for it over HTTP then."""

from flask import Blueprint, Response

from chat.errors import ChatError
from chat.http.auth import handshaking_actor
from chat.http.context import services
from chat.http.handler import Handler
from chat.http.sockets import upgrade
from chat.live.peer import Peer
from chat.models import Actor, Event, EventKind, StoredMessage
from chat.services import Services
from chat.services.subscriptions import Ends

bp = Blueprint("ims_socket", __name__)
_MESSAGE = b'{"type":"notify"}'  # on which clients load their lists again
_SIGNALS = {
    EventKind.FRIEND_REQUESTED: b'{"type":"request_message"}',
    EventKind.UNFRIENDED: b'{"type":"delete_friend"}',
    EventKind.ADMITTED: _MESSAGE,
    EventKind.CONCERNS_MEMBERS: _MESSAGE,
}


@bp.route("/ws/", websocket=True)
def socket() -> Response:
    """Not in the document; published clients use it."""
    actor = handshaking_actor()
    since = services().subscriptions.ends(actor)
    return upgrade(lambda peer, chat: Notices(peer, chat, actor, since))


class Notices(Handler):
    """One connection of one user. These clients alarm at any other type, so nothing else is ever said."""

    form = "ims notice"

    def __init__(self, peer: Peer, chat: Services, actor: Actor, since: Ends) -> None:
        super().__init__(peer, chat)
        self._first_actor = actor
        self._since: Ends | None = since

    def opened(self) -> None:
        """Follow all rooms, and what happens to the user."""
        self.follow(self._first_actor, signals=True, since=self._since)
        self._since = None

    def received(self, text: str) -> None:
        """Whatever a client says here is heard by nobody."""

    def failed(self, error: ChatError) -> None:
        """There are no words for it."""

    def encode(self, message: StoredMessage) -> bytes:
        """That there is a message; the sender is told too."""
        del message
        return _MESSAGE

    def signalled(self, event: Event) -> bytes | None:
        """That somebody asks to be friends, or is a friend no more; that a list of conversations or members changed."""
        return _SIGNALS.get(event.kind)
