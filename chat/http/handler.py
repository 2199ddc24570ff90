"""The base class of socket protocols (WebSocket, TCP lines): one Handler per connection.

class MessageSocket(Handler):
        form = "roomapi"                              # the key for a message's encoded bytes
        def opened(self): self.push(self._waiting)    # what the view has subscribed to is pushed from here on
        def received(self, text): …                   # one message from the client; may raise ChatError
        def failed(self, error): self.peer.send(…)    # report the error in the protocol's envelope
        def encode(self, message): return …           # a pushed message; encoded once for all readers
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.models import Actor, Event, StoredMessage
from chat.server.ports import NEEDS_THREAD, NOTHING_YET, POLICY, TRY_LATER, Ended, Look, Peer
from chat.services import Services
from chat.services.subscriptions import NOWHERE, Subscription

STEP_BYTES = 128 * 1024  # a client that lags gets more after reading this


class Handler(ABC):
    """One connection's protocol. Methods run in threads, in an application context, one call at a time, in order.

    Exceptions: `encode` and `signalled` run on the event loop, where nothing may block (no database, no services);
    `ended` may run concurrently with another call.
    """

    form = ""  # key for the protocol's encoding of a message; one key, one encoding
    # How many seconds to wait after a write, for protocols whose pushes only say that there is news: equal ones found
    # after a pause are sent once. None: everything is pushed at once.
    pace: Callable[[], float] | None = None

    def __init__(self, peer: Peer, chat: Services) -> None:
        self.peer = peer
        self.chat = chat
        self._subscription: Subscription | None = None

    # Implemented by the protocol

    def opened(self) -> None:  # noqa: B027
        """Greet the client and follow its rooms. Errors go to `failed` and close the connection."""

    @abstractmethod
    def received(self, text: str) -> None:
        """Handle one message from the client. Errors go to `failed`."""

    def received_raw(self, piece: bytes) -> None:
        """Handle a chunk requested with LinePeer.take_raw. Errors go to `failed`."""
        raise NotImplementedError

    @abstractmethod
    def failed(self, error: ChatError) -> None:
        """Report the error to the client in the protocol's envelope. The connection stays open."""

    def ended(self, error: ChatError) -> None:  # noqa: B027
        """Report that the session, or the membership in the single followed room, has ended; the connection closes
        (1008).
        """

    def closed(self) -> None:  # noqa: B027
        """The connection is closed, by either side. Called once, after all other calls."""

    def encode(self, message: StoredMessage) -> bytes | None:
        """Encode a message for pushing, without framing; None to skip it. Runs on the event loop."""
        raise NotImplementedError

    def form_of(self, message: StoredMessage) -> str:
        """The key under which a message's encoding is shared by all readers; "" if it differs per reader. Runs on the
        event loop.
        """
        del message
        return self.form

    def signalled(self, event: Event) -> bytes | None:
        """Encode a signal for pushing, without framing; None to skip it. Runs on the event loop."""
        del event
        return None

    # Called by the protocol

    @property
    def actor(self) -> Actor:
        """The user, as of the current message. Raises NOT_SIGNED_IN before `follow`."""
        if self._subscription is None:
            raise ChatError(ErrorCode.NOT_SIGNED_IN)
        return self._subscription.actor

    def follow(
        self,
        actor: Actor,
        room_id: int | None = None,
        *,
        signals: bool = False,
        since: Mapping[int, int] = NOWHERE,
    ) -> None:
        """Push new messages of all the actor's rooms, or of one, until the session ends.

        The actor counts as online meanwhile. With `signals`, signals go to `signalled`. `since`: see
        Subscriptions.open. Raises NOT_SIGNED_IN, ROOM_NOT_FOUND.
        """
        self.push(self.chat.subscriptions.open(actor, room_id, signals=signals, since=since))

    def push(self, subscription: Subscription) -> None:
        """Push what an open subscription finds, from its beginning on; it is closed with the connection."""
        actor = subscription.actor
        self._subscription = subscription

        def make(wake: Callable[[], None]) -> _Pushed:
            subscription.wake = wake
            return _Pushed(self, subscription)

        self.peer.follow(make)
        self.peer.belongs_to(actor.user_id)
        self.peer.close_in((actor.session_ends - self.chat.clock()) / SECOND)

    def unfollow(self) -> None:
        """Stop pushing after a logout; the connection stays open."""
        self._subscription = None
        self.peer.unfollow()
        self.peer.belongs_to(None)
        self.peer.close_in(None)

    def leave_out(self, message: StoredMessage) -> None:
        """Do not push a message that this connection sent. Call it while handling the message."""
        if self._subscription is not None:
            self._subscription.leave_out(message)

    def pushed_until(self, room_id: int) -> int:
        """Return the time (µs) up to which messages of a room have been pushed. Call it while handling a message.

        Raises NOT_SIGNED_IN, UNAVAILABLE.
        """
        cursor = self._subscription.cursor(room_id) if self._subscription is not None else None
        # The room was just joined: pushing starts at the read mark.
        return self.chat.read_marks.written_mark(self.actor.user_id, room_id) if cursor is None else cursor

    def was_pushed(self, message: StoredMessage) -> bool:
        """Whether the message was pushed before or predates the connection. Call it while handling the message."""
        return self._subscription is not None and self._subscription.is_past(message)

    def room_name(self, room_id: int) -> str:
        """The name of a followed room; "" for another. May run on the event loop."""
        return self._subscription.room_name(room_id) if self._subscription is not None else ""

    def require_session(self) -> None:
        """Check that the session, if any, is still active. Raises NOT_SIGNED_IN."""
        if self._subscription is not None:
            self._subscription.require_session()

    def count_request(self) -> None:
        """Count one more message of the signed-in user. Raises RATE_LIMITED."""
        if self._subscription is not None:
            self.chat.requests.count(self._subscription.actor.user_id)


class _Pushed:
    """A chat.server.ports.PushReader: the news of a Subscription, encoded by the Handler."""

    __slots__ = ("_found", "_handler", "_has_more", "_has_paused", "_subscription", "pace")

    def __init__(self, handler: Handler, subscription: Subscription) -> None:
        self._handler = handler
        self._subscription = subscription
        self._found: list[StoredMessage] | None = None  # found by a thread, not written yet
        self._has_more = False
        self._has_paused = False
        self.pace = None if handler.pace is None else self._pace

    @property
    def expired(self) -> bool:
        return self._subscription.expired

    @property
    def is_behind(self) -> bool:
        return self._has_more and not self._subscription.recheck

    def look(self) -> bytes | list[bytes] | Look:
        subscription = self._subscription
        found, self._found = self._found, None
        if found is None:
            found = subscription.find()
        if found is None or subscription.recheck:
            return NEEDS_THREAD
        pieces: list[bytes] = []
        size = taken = 0
        for message in found:
            taken += 1
            if subscription.take(message) and (framed := self._framed(message)) is not None:
                pieces.append(framed)
                size += len(framed)
                if size >= STEP_BYTES:
                    break
        self._has_more = taken < len(found) or taken >= subscription.most
        for signal in subscription.take_signals() if subscription.signals else ():
            payload = self._handler.signalled(signal) if subscription.concerns(signal) else None
            if payload is not None:
                pieces.append(self._handler.peer.framed(payload))
        if self._has_paused:
            pieces = list(dict.fromkeys(pieces))
        if len(pieces) == 1:  # as usual; all readers share these bytes
            return pieces[0]
        return pieces or NOTHING_YET

    def look_again(self) -> None:
        try:
            self._found = self._subscription.find_again()
        except ChatError as error:
            if error.code is ErrorCode.UNAVAILABLE and self._handler.chat.hub.is_cut_off:
                raise Ended(TRY_LATER, "no database here") from None
            if error.code not in (ErrorCode.NOT_SIGNED_IN, ErrorCode.ROOM_NOT_FOUND):
                raise
            self._handler.ended(error)
            reason = "logged out" if error.code is ErrorCode.NOT_SIGNED_IN else "no member any more"
            raise Ended(POLICY, reason) from None

    def _pace(self) -> float:
        assert self._handler.pace is not None  # noqa: S101
        seconds = self._handler.pace()
        self._has_paused = seconds > 0
        return seconds

    def _framed(self, message: StoredMessage) -> bytes | None:
        form = self._handler.form_of(message)
        framed = message.encoded.get(form)
        if framed is None:
            payload = self._handler.encode(message)
            if payload is None:
                return None
            framed = self._handler.peer.framed(payload)
            if form:
                message.encoded[form] = framed
        return framed

    def close(self) -> None:
        self._subscription.close()
