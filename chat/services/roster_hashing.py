"""Hashing the passwords of a roster, so that chatting has priority (docs/decisions/0111)."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chat.errors import ChatError, ErrorCode
from chat.security.passwords import hash_aside, hash_generated
from chat.services.credentials import hashes

TELL_EVERY = 20  # people per progress report, but after TELL_AFTER_S in any case: a busy machine leaves little CPU
TELL_AFTER_S = 5.0
_NICENESS = 19  # of the hashing threads


def hash_passwords(
    passwords: Mapping[str, str],
    generated: frozenset[str],
    told: Callable[[int], None],
    is_stopping: threading.Event,
) -> dict[str, dict[str, Any]]:
    """Return the columns of each password, by username.

    generated: the usernames whose passwords the server has chosen: cheaper hashes do. told(done) reports the progress.
    Raises UNAVAILABLE if the server stops meanwhile.
    """

    def hash_one(username: str) -> dict[str, Any]:
        if is_stopping.is_set():
            raise ChatError(ErrorCode.UNAVAILABLE, retry_after=5)
        return hashes(passwords[username], hash_generated if username in generated else hash_aside)

    found: dict[str, dict[str, Any]] = {}
    told_at = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count(), "roster-hashing", initializer=_be_nice) as pool:
        for username, columns in zip(passwords, pool.map(hash_one, passwords), strict=True):
            found[username] = columns
            if len(found) % TELL_EVERY == 0 or time.monotonic() - told_at > TELL_AFTER_S:
                told(len(found))
                told_at = time.monotonic()
    told(len(passwords))
    return found


def _be_nice() -> None:
    with contextlib.suppress(OSError, AttributeError):  # only Linux has it for threads
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
