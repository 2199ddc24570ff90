"""The chat server that everybody writes first: Flask, an ORM, and clients that ask once a second."""

import os

from flask import Flask, abort, request
from sqlalchemy import select

from bench.baselines.store import Message, Room, User, add_message, find_member, open_store, shown

app = Flask(__name__)
sessions = open_store(os.environ["BENCH_DATABASE"])


@app.get("/messages")
def messages() -> list[dict[str, object]]:
    """The room's messages newer than the given id."""
    with sessions() as session:
        _, room = _member(session, request.args["room"])
        query = (
            select(Message, User.name)
            .join(User, User.id == Message.user_id)
            .where(Message.room_id == room.id, Message.id > int(request.args["after"]))
            .order_by(Message.id)
            .limit(500)
        )
        return [shown(message, name) for message, name in session.execute(query)]


@app.post("/messages")
def send() -> dict[str, object]:
    """Store a message."""
    body = request.get_json()
    with sessions() as session:
        user, room = _member(session, body["room"])
        return shown(add_message(session, user, room, body["text"]), user.name)


def _member(session, room: str) -> tuple[User, Room]:
    found = find_member(session, request.headers["Authorization"], room)
    if found is None:
        abort(403)
    return found
