"""A server with one room of many messages, written straight into its database."""

import sqlite3
import time
from collections.abc import Callable
from typing import Any

from bench.servers import Commonroom

ROOM = "room-0000"
_IN_A_ROW = 3  # messages of one sender
_SECOND = 1_000_000  # µs


class LongRoom(Commonroom):
    """Its messages are a second apart, and the newest is some time ago."""

    def __init__(self, members: int, messages: int, text: Callable[[int], str]) -> None:
        self._messages = messages
        self._text = text
        super().__init__(1, members)

    def fill(self, rooms: int, members: int) -> dict[str, Any]:
        made = super().fill(rooms, members)
        with sqlite3.connect(self._home / "commonroom.db") as database:
            (room_id,) = database.execute("SELECT id FROM rooms WHERE name = ?", (ROOM,)).fetchone()
            members_of = "SELECT user_id FROM memberships WHERE room_id = ?"
            users = [user_id for (user_id,) in database.execute(members_of, (room_id,))]
            first = (int(time.time()) - 2 * self._messages) * _SECOND
            rows = (
                (room_id, users[number // _IN_A_ROW % len(users)], first + number * _SECOND, self._text(number))
                for number in range(self._messages)
            )
            insert = "INSERT INTO messages (room_id, sender_id, time, type, content) VALUES (?, ?, ?, 'text', ?)"
            database.executemany(insert, rows)
            newest = "UPDATE rooms SET last_time = (SELECT max(time) FROM messages WHERE room_id = ?1) WHERE id = ?1"
            database.execute(newest, (room_id,))
        database.close()
        return made
