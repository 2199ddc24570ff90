"""create_app with test protocols at /test: one controlled by tests, and an echo."""

import hashlib
import json
import threading
import time

from flask import Flask, Response, jsonify, request

import app as real
from chat.errors import ChatError, ErrorCode
from chat.http import envelopes
from chat.http.auth import handshaking_actor
from chat.http.context import services
from chat.http.handler import Handler
from chat.http.responses import UpgradeResponse
from chat.http.upgrade import handshake_key, upgrade
from chat.lanes import Lane, enter_lane
from chat.models import Actor, Event, EventKind, StoredMessage, Visitor
from chat.protocols.realtime.errors import TABLE
from chat.server import heartbeat
from chat.server.ports import Peer, Upgrade
from chat.services import Services
from chat.services.messages import Draft
from chat.services.room_presence import Visit
from tests.hashing import cheapen

opened = closed = 0
counting = threading.Lock()
released = threading.Event()


class Talk(Handler):
    """Commands as JSON: {"echo": x}, {"send": [room, text]}, {"fail": code}, {"slow": s}, {"flood": [n, bytes]}, …"""

    form = "test"

    def __init__(self, peer: Peer, chat: Services, actor: Actor, room_id: int | None) -> None:
        super().__init__(peer, chat)
        self.first = actor
        self.room_id = room_id
        self.visit: Visit | None = None

    def opened(self) -> None:
        global opened
        with counting:
            opened += 1
        self.follow(self.first, self.room_id, signals=True)
        if self.room_id is not None:
            self.visit = self.chat.room_presence.enter(self.actor, self.room_id)
        self.say(hello=self.actor.username)

    def received(self, text: str) -> None:
        try:
            command = json.loads(text)
        except ValueError:
            raise ChatError(ErrorCode.BODY_MALFORMED, reason="not JSON") from None
        match command:
            case {"echo": what}:
                self.say(echo=what)
            case {"send": [room, content], **rest}:
                message = self.chat.messages.send(self.actor, room, Draft(text=content))
                if rest.get("quietly"):
                    self.leave_out(message)
                    self.say(sent=True)
            case {"fail": code}:
                raise ChatError(ErrorCode[code])
            case {"slow": seconds, **rest}:
                self.say(begun=rest.get("n"))
                time.sleep(seconds)
                self.say(slow=rest.get("n"))
            case {"flood": [count, size]}:
                for _ in range(count):
                    self.say(x="x" * size)
            case {"close": code}:
                self.say(last=True)
                self.peer.close(code, "as you wish")
            case {"close_in": seconds}:
                self.peer.close_in(seconds)
            case {"unfollow": _}:
                self.unfollow()
            case {"mistake": _}:
                raise RuntimeError("a mistake in the handler")
            case _:
                raise ChatError(ErrorCode.FIELD_INVALID, field="command")

    def failed(self, error: ChatError) -> None:
        self.say(error=error.code.name)

    def ended(self, error: ChatError) -> None:
        self.say(ended=error.code.name)

    def closed(self) -> None:
        global closed
        with counting:
            closed += 1
        if self.visit is not None:
            self.chat.room_presence.leave(self.visit)

    def encode(self, message: StoredMessage) -> bytes:
        shown = {"room": self.room_name(message.room_id), "from": message.username, "text": message.content}
        return json.dumps({**shown, "id": message.id}).encode()

    def signalled(self, event: Event) -> bytes | None:
        if event.kind not in {EventKind.ENTERED, EventKind.LEFT}:
            return None
        about = Visitor.load(event.data)
        if about.user_id == self.first.user_id:
            return None
        return json.dumps({"entered" if event.kind is EventKind.ENTERED else "left": about.username}).encode()

    def say(self, **what: object) -> None:
        self.peer.send(json.dumps(what))


class Echo:
    """A Session that echoes texts, and the length and SHA-256 of other messages."""

    def opened(self, peer: Peer) -> None:
        self.peer = peer

    def received(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            message = f"{len(message)} {hashlib.sha256(message).hexdigest()}"
        self.peer.send(message)

    def closed(self) -> None:
        pass


def register(app: Flask) -> None:
    """Serve it in addition to the real protocols."""

    def socket() -> Response:
        actor = handshaking_actor()
        room_id = request.args.get("room", type=int)
        return upgrade(handshake_key(), lambda peer, chat: Talk(peer, chat, actor, room_id))

    def echo() -> Response:
        response = upgrade(handshake_key(), lambda *_: None)  # type: ignore[arg-type]
        assert isinstance(response, UpgradeResponse)
        response.upgrade = Upgrade(response.upgrade.key, Echo, lambda: None)
        return response

    def counts() -> Response:
        return jsonify(opened=opened, closed=closed, waiting=len(services().hub.notifier))

    def lane() -> Response:
        """Keep a thread of ?lane= for ?seconds=, or until /test/release."""
        wanted = Lane[request.args["lane"]]
        enter_lane(wanted)
        released.wait(float(request.args["seconds"]))
        return jsonify(lane=wanted.name)

    def release() -> Response:
        released.set()
        return jsonify()

    def failure(error: ChatError) -> Response:
        response = jsonify(error=error.code.name)
        response.status_code = TABLE[error.code][0]
        return response

    app.add_url_rule("/test/ws", view_func=socket, websocket=True)
    app.add_url_rule("/test/echo", view_func=echo, websocket=True)
    app.add_url_rule("/test/counts", view_func=counts)
    app.add_url_rule("/test/lane", view_func=lane)
    app.add_url_rule("/test/release", view_func=release)
    envelopes.register(app, ["test"], failure)


def create() -> Flask:
    """The application, for gunicorn."""
    cheapen(setattr)
    made = real.create_app()
    register(made)
    return made


def create_impatient() -> Flask:
    """Clients that do not answer pings are dropped after 11 s instead of 55."""
    heartbeat.PING_SECONDS /= 5
    heartbeat.DEAD_SECONDS /= 5
    return create()
