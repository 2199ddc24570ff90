"""The baseline with Flask-Sock: one thread per socket, and the sender writes to the whole room."""

import json
import os
import threading
from collections import defaultdict

from flask import Flask, abort, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server
from sqlalchemy import select

from bench.baselines.store import Membership, Room, User, add_message, find_member, open_store, shown

app = Flask(__name__)
app.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": 25}
sock = Sock(app)
sessions = open_store(os.environ["BENCH_DATABASE"])
lock = threading.Lock()
sockets: defaultdict[str, set[Server]] = defaultdict(set)  # by room


@sock.route("/socket")
def follow(socket: Server) -> None:
    """Log in by token, and be written to until the client goes."""
    query = (
        select(Room.name)
        .join(Membership, Membership.room_id == Room.id)
        .join(User, User.id == Membership.user_id)
        .where(User.token == request.headers["Authorization"])
    )
    with sessions() as session:
        rooms = session.scalars(query).all()
    with lock:
        for room in rooms:
            sockets[room].add(socket)
    try:
        socket.send("{}")
        while True:
            socket.receive()
    finally:
        with lock:
            for room in rooms:
                sockets[room].discard(socket)


@app.post("/messages")
def send() -> dict[str, object]:
    """Store a message, and write it to the room."""
    body = request.get_json()
    with sessions() as session:
        found = find_member(session, request.headers["Authorization"], body["room"])
        if found is None:
            abort(403)
        user, room = found
        message = shown(add_message(session, user, room, body["text"]), user.name)
        name = room.name
    text = json.dumps(message)
    with lock:
        to = list(sockets[name])
    for socket in to:
        try:
            socket.send(text)
        except ConnectionClosed:
            continue
    return message
