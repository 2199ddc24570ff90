"""The baseline with Flask-SocketIO, run as in its documentation: `gunicorn -k gevent -w 1`."""

import os

from flask import Flask, request
from flask_socketio import SocketIO, emit, join_room
from sqlalchemy import select

from bench.baselines.store import Membership, Room, User, add_message, find_member, open_store, shown

app = Flask(__name__)
socketio = SocketIO(app, async_mode="gevent")
sessions = open_store(os.environ["BENCH_DATABASE"])
tokens: dict[str, str] = {}  # by Socket.IO's session id


@socketio.on("connect")
def connect(auth: dict[str, str]) -> bool:
    """Log in by token, and join the user's rooms."""
    query = (
        select(Room.name)
        .join(Membership, Membership.room_id == Room.id)
        .join(User, User.id == Membership.user_id)
        .where(User.token == auth["token"])
    )
    with sessions() as session:
        rooms = session.scalars(query).all()
    for room in rooms:
        join_room(room)
    tokens[request.sid] = auth["token"]
    return bool(rooms)


@socketio.on("disconnect")
def disconnect(_reason: str) -> None:
    """Forget it."""
    tokens.pop(request.sid, None)


@socketio.on("send")
def send(body: dict[str, str]) -> None:
    """Store a message, and deliver it to the room."""
    with sessions() as session:
        found = find_member(session, tokens[request.sid], body["room"])
        if found is None:
            return
        user, room = found
        message = add_message(session, user, room, body["text"])
    emit("message", shown(message, user.name), to=room.name)
