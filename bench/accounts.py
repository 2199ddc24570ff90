"""Accounts, rooms and tokens for Commonroom, straight into its database, before the server runs.

`python -m bench.accounts ROOMS MEMBERS` with CHAT_INSTANCE_PATH set prints {room: [token, …]} as JSON. Through the
project's own services; but a registration over HTTP costs 30 ms of password hashing, and that is not measured here.
"""
# ruff: noqa: T201

import json
import sys

from app import create_app
from chat.http.context import EXTENSION
from chat.security import passwords, tokens


class _CheapHasher:
    """Nobody logs in by password here."""

    def hash(self, _digest: str) -> str:
        return "$none"


def fill(rooms: int, members: int) -> dict[str, list[str]]:
    """Rooms and their members; the members' tokens by room."""
    passwords._hasher = _CheapHasher()
    app = create_app()
    services = app.extensions[EXTENSION]
    made: dict[str, list[str]] = {}
    with app.app_context():
        services.rooms.ensure_lobby()
        for room_number in range(rooms):
            room = f"room-{room_number:04d}"
            made[room] = []
            for number in range(members):
                user_id, session = services.accounts.register(f"user-{room_number}-{number}", "secret-1", "127.0.0.1")
                actor = services.sessions.resolve(session.id, user_id)
                if number == 0:
                    services.rooms.create(actor, room, "public", "")
                else:
                    services.memberships.join(actor, room, "")
                token = tokens.Token(user_id, session.id)
                made[room].append(tokens.issue(tokens.Purpose.SESSION, token, session.lifetime_s))
    return made


if __name__ == "__main__":
    print(json.dumps(fill(int(sys.argv[1]), int(sys.argv[2]))))
