"""Reads avatars (up to 512 KiB each) once per answer, up to the size of an answer."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from chat.models import Room, User

TOTAL_MAX_BYTES = 8 * 1024 * 1024  # as JSON; further avatars become ""


def avatars_of(
    connection: Any, table: type[User] | type[Room], ids: Iterable[int], total_max_bytes: int = TOTAL_MAX_BYTES
) -> dict[int, str]:
    """Return avatars by id for those of the users or rooms that have one. Accepts a transaction; no
    query without ids.
    """
    wanted = set(ids)
    found: dict[int, str] = {}
    if not wanted:
        return found
    query = select(table.id, table.avatar).where(table.id.in_(wanted), table.avatar != "")
    bytes_left = total_max_bytes
    with connection.execute(query.execution_options(yield_per=8)) as rows:
        for owner_id, avatar in rows:
            bytes_left -= len(json.dumps(avatar, ensure_ascii=False).encode())
            if bytes_left < 0:
                break
            found[owner_id] = avatar
    return found
