"""The session of a socket connection as chat.server calls it: passes each call on to the connection's Handler."""

import contextlib
import logging
from collections.abc import Callable

from flask import Flask, g

from chat.errors import ChatError, ErrorCode
from chat.http.context import EXTENSION
from chat.http.handler import Handler
from chat.http.overload import refuse_overflow
from chat.server.ports import POLICY, TRY_LATER, Peer, Raw
from chat.services import Services

log = logging.getLogger(__name__)


class HandlerSession:
    """A chat.server.ports.Session that forwards its calls to a Handler, each in an application context."""

    __slots__ = ("_app", "_chat", "_handler", "_make")

    def __init__(self, app: Flask, make: Callable[[Peer, Services], Handler]) -> None:
        self._app = app
        self._chat: Services = app.extensions[EXTENSION]
        self._make = make
        self._handler: Handler | None = None

    def opened(self, peer: Peer) -> None:
        """Create the handler and open it. If that fails, close it, because nothing would ever be pushed."""
        self._handler = handler = self._make(peer, self._chat)
        with self._app.app_context():
            error = self._guarded(handler, handler.opened)
        if error is not None:
            is_out = error.code in (ErrorCode.NOT_SIGNED_IN, ErrorCode.ROOM_NOT_FOUND)
            peer.close(POLICY if is_out else TRY_LATER, "subscription failed")

    def received(self, message: str | bytes) -> None:
        """Pass the message on if the sender is still signed in."""
        handler = self._handler
        if handler is None:
            return
        with self._app.app_context():
            g.handler = handler  # for context.whence
            self._guarded(handler, lambda: self._receive(handler, message))

    def closed(self) -> None:
        """Let the handler release its resources."""
        handler, self._handler = self._handler, None
        if handler is not None:
            with self._app.app_context(), contextlib.suppress(ChatError):  # the database is away; visits end later
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
        if isinstance(message, bytes):  # not declared as text, but may be text
            try:
                message = message.decode()
            except UnicodeDecodeError:
                raise ChatError(ErrorCode.BODY_MALFORMED, reason="not UTF-8") from None
        handler.received(message)

    @staticmethod
    def _guarded(handler: Handler, call: Callable[[], None]) -> ChatError | None:
        """Call; return the error after the client has been told."""
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
