"""What the protocols of sockets (WebSocket, TCP lines) derive from: one Handler for each connection.

class Talk(Handler):
    form = "roomapi"                                  # under which a message's bytes are kept
    def opened(self): self.follow(self.signed_in_as)  # from here on messages are pushed
    def received(self, text): …                       # one message of the client's; raise ChatError freely
    def failed(self, error): self.peer.send(…)        # that error, in the protocol's envelope
    def encode(self, message): return …               # a pushed message; once for all readers
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable

from flask import Flask, g

from chat.clock import SECOND
from chat.delivery import Waiter
from chat.errors import ChatError, ErrorCode
from chat.http.context import EXTENSION
from chat.http.overload import refuse_overflow
from chat.live.frames import POLICY, TRY_LATER
from chat.live.peer import Ended, Peer, Raw
from chat.models import Actor, Event, StoredMessage
from chat.services import Services
from chat.services.subscriptions import Ends, Subscription

log = logging.getLogger(__name__)


class Handler(ABC):
    """One connection's protocol. Called in threads, each call in an application context, one call at a time, in order.

    Not so `encode` and `signalled`: they are called on the loop, where nothing may wait (no database, no services);
    and `ended`, which may be called beside another.
    """

    form = ""  # names this protocol's bytes of a message; one name, one encoding

    def __init__(self, peer: Peer, chat: Services) -> None:
        self.peer = peer
        self.chat = chat
        self._subscription: Subscription | None = None

    # For the protocol to define

    def opened(self) -> None:  # noqa: B027
        """The connection is there: greet, follow. What it raises goes to `failed`, and the connection is closed."""

    @abstractmethod
    def received(self, text: str) -> None:
        """One message from the client. What it raises goes to `failed`."""

    def received_raw(self, piece: bytes) -> None:
        """A piece of what LinePeer.take_raw asked for. What it raises goes to `failed`."""
        raise NotImplementedError

    @abstractmethod
    def failed(self, error: ChatError) -> None:
        """Tell the client, in the protocol's envelope, what was wrong. The connection stays."""

    def ended(self, error: ChatError) -> None:  # noqa: B027
        """The session, or the membership in the one room followed, has ended: say so; it is closed (1008) then."""

    def closed(self) -> None:  # noqa: B027
        """The connection is gone, whoever ended it. Called once, after all else."""

    def encode(self, message: StoredMessage) -> bytes | None:
        """A message as it is pushed (unframed), or None if it is not shown. On the loop."""
        raise NotImplementedError

    def form_of(self, message: StoredMessage) -> str:
        """Under which its bytes are kept for all readers; "" where each reader's are different. On the loop."""
        del message
        return self.form

    def signalled(self, event: Event) -> bytes | None:
        """A signal as it is pushed (unframed), or None if it is not shown. On the loop."""
        del event
        return None

    # For the protocol to call

    @property
    def actor(self) -> Actor:
        """Who this is, as of the message that is being handled. Raises NOT_SIGNED_IN before `follow`."""
        if self._subscription is None:
            raise ChatError(ErrorCode.NOT_SIGNED_IN)
        return self._subscription.actor

    def follow(
        self, actor: Actor, room_id: int | None = None, *, signals: bool = False, since: Ends | None = None
    ) -> None:
        """Push what is new in all rooms of the actor, or in one, from now on, until their session ends.

        Meanwhile they count as online. With signals, these come to `signalled`. since: see Subscriptions.open.
        Raises NOT_SIGNED_IN, ROOM_NOT_FOUND.
        """

        def make(wake: Callable[[], None]) -> _Pushed:
            subscription = self.chat.subscriptions.open(actor, wake, room_id, signals=signals, since=since)
            self._subscription = subscription
            return _Pushed(self, subscription)

        self.peer.follow(make)
        self.peer.belongs_to(actor.user_id)
        self.peer.close_in((actor.session_ends - self.chat.clock()) / SECOND)

    def unfollow(self) -> None:
        """Logged out, but still there."""
        self._subscription = None
        self.peer.unfollow()
        self.peer.belongs_to(None)
        self.peer.close_in(None)

    def leave_out(self, message: StoredMessage) -> None:
        """Not to be pushed to this connection, which has sent it. To be called while handling that."""
        if self._subscription is not None:
            self._subscription.leave_out(message)

    def pushed_until(self, room_id: int) -> int:
        """The time (µs) in a room up to which nothing is pushed any more. To be asked while handling a message.

        Raises NOT_SIGNED_IN, UNAVAILABLE.
        """
        cursor = self._subscription.cursor(room_id) if self._subscription is not None else None
        # Joined just now: pushing will begin at the read mark.
        return self.chat.reading.written_mark(self.actor.user_id, room_id) if cursor is None else cursor

    def was_pushed(self, message: StoredMessage) -> bool:
        """Whether it is no news here: pushed before, or from before the connection. To be called while handling it."""
        return self._subscription is not None and self._subscription.is_past(message)

    def room_name(self, room_id: int) -> str:
        """The name of a room that is followed; "" for another. On the loop too."""
        return self._subscription.room_name(room_id) if self._subscription is not None else ""

    def require_session(self) -> None:
        """See that the session is still there, if this is signed in at all. Raises NOT_SIGNED_IN."""
        if self._subscription is not None:
            self._subscription.require_session()

    def count_request(self) -> None:
        """One more message of whoever is signed in. Raises RATE_LIMITED."""
        if self._subscription is not None:
            self.chat.requests.count(self._subscription.actor.user_id)


class InApp:
    """A chat.live.peer.Session: its calls, each in an application context, to the Handler."""

    __slots__ = ("_app", "_chat", "_handler", "_make")

    def __init__(self, app: Flask, make: Callable[[Peer, Services], Handler]) -> None:
        self._app = app
        self._chat: Services = app.extensions[EXTENSION]
        self._make = make
        self._handler: Handler | None = None

    def opened(self, peer: Peer) -> None:
        """Make the handler, and let it begin. Where that fails, it is closed: nothing would ever be pushed."""
        self._handler = handler = self._make(peer, self._chat)
        with self._app.app_context():
            error = self._guarded(handler, handler.opened)
        if error is not None:
            is_out = error.code in (ErrorCode.NOT_SIGNED_IN, ErrorCode.ROOM_NOT_FOUND)
            peer.close(POLICY if is_out else TRY_LATER, "could not begin")

    def received(self, message: str | bytes) -> None:
        """Hand it on, if whoever sent it is still signed in."""
        handler = self._handler
        if handler is None:
            return
        with self._app.app_context():
            g.handler = handler  # for context.whence
            self._guarded(handler, lambda: self._receive(handler, message))

    def closed(self) -> None:
        """Let the handler clear up."""
        handler, self._handler = self._handler, None
        if handler is not None:
            with self._app.app_context():
                handler.closed()

    @staticmethod
    def _receive(handler: Handler, message: str | bytes) -> None:
        refuse_overflow()
        try:
            handler.require_session()
        except ChatError as error:
            if error.code is ErrorCode.NOT_SIGNED_IN:
                handler.ended(error)
                handler.peer.close(POLICY, "logged out")
                return
            raise
        if isinstance(message, Raw):
            handler.received_raw(message)
            return
        handler.count_request()
        if isinstance(message, bytes):  # not said to be text; it may be all the same
            try:
                message = message.decode()
            except UnicodeDecodeError:
                raise ChatError(ErrorCode.BODY_MALFORMED, reason="not UTF-8") from None
        handler.received(message)

    @staticmethod
    def _guarded(handler: Handler, call: Callable[[], None]) -> ChatError | None:
        """Call; what went wrong, once the client has been told."""
        try:
            call()
        except ChatError as error:
            failure = error
        except Exception:
            log.exception("handling a message failed")
            failure = ChatError(ErrorCode.INTERNAL)
        else:
            return None
        handler.failed(failure)
        return failure


class _Pushed:
    """A chat.live.peer.Source: the messages of a Subscription, encoded by the Handler."""

    __slots__ = ("_handler", "_subscription", "waiter")

    def __init__(self, handler: Handler, subscription: Subscription) -> None:
        self._handler = handler
        self._subscription = subscription
        self.waiter: Waiter = subscription.waiter

    def look(self, most: int) -> list[StoredMessage] | None:
        return self._subscription.look(most)

    def look_again(self, most: int) -> list[StoredMessage]:
        try:
            return self._subscription.look_again(most)
        except ChatError as error:
            if error.code not in (ErrorCode.NOT_SIGNED_IN, ErrorCode.ROOM_NOT_FOUND):
                raise
            self._handler.ended(error)
            reason = "logged out" if error.code is ErrorCode.NOT_SIGNED_IN else "no member any more"
            raise Ended(POLICY, reason) from None

    def take(self, message: StoredMessage) -> bytes | None:
        if not self._subscription.take(message):
            return None
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

    def take_signal(self, signal: Event) -> bytes | None:
        if not self._subscription.concerns(signal):
            return None
        payload = self._handler.signalled(signal)
        return None if payload is None else self._handler.peer.framed(payload)

    def close(self) -> None:
        self._subscription.close()
