"""The security log: one line per log-in, failure, limit and removal (docs/security-log.md, OWASP ASVS 7.2).

Lines contain no secrets: no passwords, tokens, cookies, codes or room passwds, and no name without an account, because
people type passwords into the wrong field.
"""

import logging
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from chat.clock import Clock
from chat.errors import ChatError, ErrorCode
from chat.security.limits import Limit, MemoryBuckets

LOGGER_NAME = "commonroom.security"
log = logging.getLogger(LOGGER_NAME)
_MOST_CHARS = 64  # per value
# Lines per process. Events that need no account have a lower limit and cannot displace the rest.
_FROM_ANYBODY = frozenset({"login_failed", "limit"})
_LINES_FROM_ANYBODY = Limit("lines-from-anybody", burst=120, seconds=60)
_LINES_OF_SOURCE = Limit("lines-of-source", burst=20, seconds=60)  # and per address
_LINES = Limit("lines", burst=300, seconds=60)  # all others


@dataclass(frozen=True, slots=True)
class Whence:
    """The protocol and address that an event comes from, and the program as it calls itself."""

    protocol: str
    address: str
    program: str = ""


LOCAL = Whence("local", "-")  # a command on the server's machine


class SecurityLog:
    def __init__(self, clock: Clock, whence: Callable[[], Whence] = lambda: LOCAL) -> None:
        self._clock = clock
        self.whence = whence
        self._budget = MemoryBuckets()
        self._lock = threading.Lock()
        self._omitted: Counter[bool] = Counter()

    def write(self, event: str, user_id: int = 0, user: str = "", **details: object) -> None:
        """Write one line: event, protocol, address, the account if known, and details."""
        whence = self.whence()
        from_anybody = event in _FROM_ANYBODY
        with self._lock:
            if self._is_too_much(whence.address, from_anybody=from_anybody):
                self._omitted[from_anybody] += 1
                return
            omitted = self._omitted.pop(from_anybody, 0)
        fields: dict[str, object] = {"event": event, "protocol": whence.protocol, "address": whence.address}
        if user_id:
            fields["user_id"] = user_id
        if user:
            fields["user"] = user
        fields |= details
        if omitted:
            fields["omitted"] = omitted
        log.info("%s", " ".join(f"{name}={_shown(value)}" for name, value in fields.items()))

    def refuse(self, limit: Limit, key: object, wait: float) -> ChatError:
        """Log a limit that was met and return the error for it. A numeric key is a user id."""
        self.write("limit", user_id=key if isinstance(key, int) else 0, limit=limit.name)
        return ChatError(ErrorCode.RATE_LIMITED, retry_after=wait)

    def _is_too_much(self, address: str, *, from_anybody: bool) -> bool:
        limits = [(_LINES, "")]
        if from_anybody:
            limits = [(_LINES_OF_SOURCE, address), (_LINES_FROM_ANYBODY, "")]
        return any(self._budget.take(limit, key, self._clock()) for limit, key in limits)


def _shown(value: object) -> str:
    """Format a value as one word: quoted unless plain, truncated if long, controls and invisible marks escaped."""
    text = str(value)
    if len(text) > _MOST_CHARS:
        text = text[:_MOST_CHARS] + "…"
    if text and all(char.isalnum() or char in "-_.:@/+" for char in text):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    # Controls, format characters (direction marks, zero width), surrogates and unassigned ones; separators except
    # space.
    if unicodedata.category(char)[0] == "C" or (unicodedata.category(char)[0] == "Z" and char != " "):
        return f"\\u{ord(char):04x}"
    return char
