"""A big database for the scenario `growth`, written straight into SQLite: services would take hours.

`python -m bench.growth_data SCALE` with CHAT_INSTANCE_PATH set, after the migrations, fills the database there and
keeps {user: token} beside it. `python -m bench --growth --data FOLDER` takes a copy of such a folder.
At scale 1: 5,000 users, 5,000 rooms (1,000 of them direct conversations), 2,000,000 messages in the lobby and 200,000
in the other rooms. "teacher" is in all rooms, "pupil" in the lobby and in BUSY rooms; neither has read anything. The
SEARCHERS are in the lobby.
"""

import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app import create_app
from chat.http.context import EXTENSION
from chat.security import tokens

USERS, ROOMS, FRIENDS, MESSAGES = 5000, 5000, 1000, 2_200_000
SHARES = 11  # one of them is the BUSY rooms', the others the lobby's
BUSY = 60
SEARCHERS = 16
LOBBY = 1  # its id
REPLIES, FILES = 100, 100
TOKENS = "tokens.json"
PASSWORD = "secret-1"  # noqa: S105
_SECOND = 1_000_000  # µs


def fill(home: Path, scale: float) -> dict[str, str]:
    """Write it; the tokens of teacher and pupil."""
    app = create_app()
    services = app.extensions[EXTENSION]
    with app.app_context():
        services.rooms.ensure_lobby()
        names = ("teacher", "pupil", *(f"searcher-{number}" for number in range(SEARCHERS)))
        sessions = {name: services.accounts.register(name, PASSWORD, "127.0.0.1") for name in names}
        made = {
            name: tokens.issue(tokens.Purpose.SESSION, tokens.Token(user_id, session.id), session.lifetime_s)
            for name, (user_id, session) in sessions.items()
        }
    services.store.dispose()
    user_ids = [user_id for user_id, _ in sessions.values()]
    database = sqlite3.connect(home / "commonroom.db")
    _Filler(database, scale, user_ids).run()
    database.close()
    return made


def messages(scale: float) -> int:
    """How many there are, but for REPLIES, which come after them; so the id of the last, to which they reply."""
    return max(2200, int(MESSAGES * scale)) // SHARES * SHARES


class _Filler:
    def __init__(self, database: sqlite3.Connection, scale: float, user_ids: list[int]) -> None:
        self._database = database
        self._users = max(BUSY, int(USERS * scale)) - len(user_ids)
        self._rooms = max(BUSY + 10, int(ROOMS * scale))
        self._friends = min(self._users, max(5, int(FRIENDS * scale)))
        self._messages = messages(scale)
        self._teacher, self._pupil = user_ids[:2]
        self._first_user = max(user_ids) + 1
        self._start = (int(time.time()) - 30 * 86400) * _SECOND

    def run(self) -> None:
        with self._database:
            self._insert("users", self._user_rows())
            self._insert("rooms", self._room_rows())
            self._insert("memberships", self._membership_rows())
            self._insert("friendships", self._friendship_rows())
            self._insert("attachments", self._file_rows())
        with self._database:
            self._insert("messages", self._message_rows())
            self._database.execute("UPDATE memberships SET read_time = 0")
            self._database.execute(
                "UPDATE rooms SET last_time = coalesce((SELECT max(time) FROM messages WHERE room_id = rooms.id), 0)"
            )
            # As the job does that indexes, 300 messages at a time.
            self._database.execute(
                "INSERT INTO message_search (rowid, content) SELECT id, content FROM messages WHERE content <> ''"
            )
            self._database.execute("UPDATE message_search_state SET indexed_to = (SELECT max(id) FROM messages)")

    def _insert(self, table: str, rows: Iterator[dict[str, Any]]) -> None:
        first = next(rows)
        names, marks = ", ".join(first), ", ".join("?" * len(first))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608
        self._database.execute(statement, list(first.values()))
        self._database.executemany(statement, (list(row.values()) for row in rows))

    def _user_ids(self) -> range:
        return range(self._first_user, self._first_user + self._users)

    def _room_ids(self) -> range:
        return range(LOBBY + 1, LOBBY + self._rooms)

    def _user_rows(self) -> Iterator[dict[str, Any]]:
        for user_id in self._user_ids():
            name = f"user-{user_id}"
            yield {"id": user_id, "username": name, "username_key": name, "nickname": name, "nickname_key": name} | {
                "password_sha1": "", "password_md5": "", "created_at": self._start, "updated_at": self._start
            }  # fmt: skip

    def _is_direct(self, room_id: int) -> bool:
        return room_id > LOBBY + self._rooms - 1 - self._friends

    def _room_rows(self) -> Iterator[dict[str, Any]]:
        for room_id in self._room_ids():
            name = f"#{room_id}" if self._is_direct(room_id) else f"physics {room_id}"
            access, label = ("direct", "private") if self._is_direct(room_id) else ("open", "public")
            yield {"id": room_id, "name": name, "name_key": name, "title": name, "access": access, "label": label} | {
                "is_lobby": 0, "created_at": self._start + room_id, "updated_at": self._start
            }  # fmt: skip

    def _membership_rows(self) -> Iterator[dict[str, Any]]:
        about = {"role": "member", "joined_at": self._start, "read_time": 0}
        for user_id in self._user_ids():
            yield {"room_id": LOBBY, "user_id": user_id, **about}
        friends = iter(self._user_ids())
        for room_id in self._room_ids():
            yield {"room_id": room_id, "user_id": self._teacher, **about}
            other = next(friends) if self._is_direct(room_id) else self._first_user + room_id % self._users
            yield {"room_id": room_id, "user_id": other, **about}
            if room_id <= LOBBY + BUSY:
                yield {"room_id": room_id, "user_id": self._pupil, **about}

    def _friendship_rows(self) -> Iterator[dict[str, Any]]:
        direct = [room_id for room_id in self._room_ids() if self._is_direct(room_id)]
        for user_id, room_id in zip(self._user_ids(), direct, strict=False):
            yield {"low_id": self._teacher, "high_id": user_id, "room_id": room_id}

    def _file_rows(self) -> Iterator[dict[str, Any]]:
        for number in range(1, FILES + 1):
            yield {"id": number, "name": f"file-{number}", "media_type": "application/octet-stream", "size": 0} | {
                "filename": f"file-{number}.txt", "created_at": self._start
            }  # fmt: skip

    def _message_rows(self) -> Iterator[dict[str, Any]]:
        """In the lobby, in the busy rooms in turns, and one in each of the others; by many senders."""
        time_us = self._start
        others = [room_id for room_id in self._room_ids() if room_id > LOBBY + BUSY]
        for number in range(self._messages):
            time_us += 1000
            if number < len(others):
                room_id = others[number]
            else:
                room_id = LOBBY if number % SHARES else LOBBY + 1 + number // SHARES % BUSY
            is_file = room_id == LOBBY and number % 2 and number // 2 % 1000 == 0 and number // 2000 < FILES
            yield {
                "room_id": room_id,
                "sender_id": self._first_user + number % self._users,
                "time": time_us,
                "type": "file" if is_file else "text",
                "content": "" if is_file else f"message {number} about physics, as long as most are",
                "attachment_id": number // 2000 + 1 if is_file else None,
                "reply_to_id": None,
            }
        for _ in range(REPLIES):
            time_us += 1000
            yield {"room_id": LOBBY, "sender_id": self._first_user, "time": time_us, "type": "text"} | {
                "content": "a reply", "attachment_id": None, "reply_to_id": self._messages
            }  # fmt: skip


if __name__ == "__main__":
    made_in = Path(os.environ["CHAT_INSTANCE_PATH"])
    (made_in / TOKENS).write_text(json.dumps(fill(made_in, float(sys.argv[1]))))
