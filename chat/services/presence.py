"""Presence (docs/specification.md, "Presence"): kept in memory and shared with other processes in batches."""

import contextlib
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import select

from chat.clock import SECOND, Clock
from chat.models import LoginSession
from chat.ports import Online, OnlineChange, SharedAwayError, Store

OPEN_AHEAD = 30 * SECOND  # an open wait keeps a session online this far ahead
REWRITE_AHEAD = 5 * SECOND  # `online_until` is written again when less than this remains
CACHE_FOR = 1 * SECOND
KEEP_FOR = 40 * SECOND  # the last known state of other processes, while it cannot be read
_IN_CHUNK = 1000  # session ids per query


class Follows(Protocol):
    """A connection with consecutive pulls. Presence asks it when needed, so that pulls need not report themselves."""

    is_held: bool  # a pull is held now

    @property
    def asked_at(self) -> float:
        """Time of the last pull, as time.monotonic() s."""


@dataclass(slots=True)
class _Seen:
    user_id: int
    last_request: int  # µs
    waits: int = 0  # open sockets and held pulls, not counting followed connections
    followed: list[Follows] = field(default_factory=list)
    written: int = 0  # the online_until that this process last wrote

    @property
    def is_waiting(self) -> bool:
        for pulls in self.followed:  # a loop: any() takes twice as long, and there are thousands of sessions
            if pulls.is_held:
                return True
        return self.waits > 0


class Presence:
    """A user is online while one of their sessions has an open wait or made a request in the last `seconds`."""

    def __init__(self, store: Store, clock: Clock, online: Online, seconds: float) -> None:
        self._store = store
        self._online = online
        self._losses = 0  # of `online`, when everything was last written
        self._clock = clock
        self._window = round(seconds * SECOND)
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        self._doubtful: set[int] | None = set()  # users whose sessions may have ended; None: all users
        self._elsewhere: frozenset[int] = frozenset()
        self._elsewhere_read_at: int | None = None
        self._elsewhere_known_at = 0

    def touch(self, session_id: str, user_id: int) -> None:
        """Record a request."""
        with self._lock:
            seen = self._entry(session_id, user_id)
            seen.last_request = self._clock()

    def wait(self, session_id: str, user_id: int) -> None:
        """Record a request that is held; the session is online until `wait_ended`."""
        now = self._clock()
        with self._lock:
            seen = self._seen.get(session_id) or self._entry(session_id, user_id)
            seen.last_request = now
            seen.waits += 1

    def wait_ended(self, session_id: str) -> None:
        """Record that a request is no longer held."""
        with self._lock:
            seen = self._seen.get(session_id)
            if seen is not None:
                seen.waits = max(0, seen.waits - 1)

    def follow(self, session_id: str, user_id: int, pulls: Follows) -> None:
        """Ask this connection for its pulls from now on, until `unfollow`."""
        with self._lock:
            self._entry(session_id, user_id).followed.append(pulls)

    def unfollow(self, session_id: str, pulls: Follows) -> None:
        """Stop asking this connection. Does nothing if the session is already forgotten."""
        now = self._clock()
        with self._lock:
            seen = self._seen.get(session_id)
            if seen is not None and pulls in seen.followed:
                seen.last_request = self._last_request(seen, now)
                seen.followed.remove(pulls)

    def doubt(self, user_id: int | None) -> None:
        """Mark a user's sessions as possibly ended, here or in another process; None: all users' sessions."""
        with self._lock:
            if user_id is None:
                self._doubtful = None
            elif self._doubtful is not None:
                self._doubtful.add(user_id)

    def forget(self, session_ids: Iterable[str], user_id: int) -> None:
        """Remove sessions of a user that have logged out."""
        ended = [(session_id, user_id) for session_id in session_ids]
        with self._lock:
            for session_id, _ in ended:
                self._seen.pop(session_id, None)
            self._elsewhere_read_at = None
        self._forget_online(ended)

    def online(self, user_ids: Iterable[int]) -> set[int]:
        """Return the users among these with a session online in any process; data of others is about a second old."""
        return self.everybody_online().intersection(user_ids)

    def everybody_online(self) -> set[int]:
        """Return all users online in any process."""
        now = self._clock()
        with self._lock:
            here = {seen.user_id for seen in self._seen.values() if self._until(seen, now) > now}
            read_at = self._elsewhere_read_at
        if read_at is None or not 0 <= now - read_at < CACHE_FOR:
            try:
                self._elsewhere = self._online.everybody(now)
                self._elsewhere_known_at = now
            except SharedAwayError:
                if now - self._elsewhere_known_at > KEEP_FOR:
                    self._elsewhere = frozenset()
            self._elsewhere_read_at = now
        return here.union(self._elsewhere)

    def flush(self) -> None:
        """Remove ended sessions, and write changes that other processes do not know yet."""
        self._forget_ended()
        losses = self._online.losses
        if losses != self._losses:
            self._write_all_again()
        changes = self._changes()
        try:
            self._online.write(changes, self._clock())
            self._losses = losses
        except SharedAwayError:
            self._write_all_again()
        except Exception:
            with self._lock:
                for change in changes:
                    if change["session"] in self._seen:
                        self._seen[change["session"]].written = change["written"]
            raise

    def _write_all_again(self) -> None:
        with self._lock:
            for seen in self._seen.values():
                seen.written = 0

    def _forget_online(self, sessions: list[tuple[str, int]]) -> None:
        with contextlib.suppress(SharedAwayError):  # they run out
            self._online.forget(sessions)

    def _forget_ended(self) -> None:
        with self._lock:
            doubtful, self._doubtful = self._doubtful, set()
            known = [key for key, seen in self._seen.items() if doubtful is None or seen.user_id in doubtful]
        try:
            self._forget_ended_of(known)
        except Exception:
            self.doubt(None)
            raise

    def _forget_ended_of(self, known: list[str]) -> None:
        for start in range(0, len(known), _IN_CHUNK):
            chunk = known[start : start + _IN_CHUNK]
            with self._store.read_each() as connection:
                query = select(LoginSession.id).where(LoginSession.id.in_(chunk))
                living = set(connection.execute(query).scalars())
            with self._lock:
                ended = {id_: self._seen.pop(id_, None) for id_ in chunk if id_ not in living}
            self._forget_online([(id_, seen.user_id) for id_, seen in ended.items() if seen is not None])

    def _changes(self) -> list[OnlineChange]:
        now = self._clock()
        changes: list[OnlineChange] = []
        with self._lock:
            for session_id, seen in list(self._seen.items()):
                if seen.written >= now + REWRITE_AHEAD and seen.is_waiting:
                    continue  # the usual case; their online time can only have been extended since
                until = self._until(seen, now)
                runs_out = until > seen.written and seen.written < now + REWRITE_AHEAD
                if runs_out or until < seen.written:
                    changes.append(
                        {"session": session_id, "user": seen.user_id, "until": until, "written": seen.written}
                    )
                    seen.written = until
                elif until <= now and not seen.followed:
                    del self._seen[session_id]
        return changes

    def _until(self, seen: _Seen, now: int) -> int:
        return max(self._last_request(seen, now) + self._window, now + OPEN_AHEAD if seen.is_waiting else 0)

    def _last_request(self, seen: _Seen, now: int) -> int:
        if not seen.followed:
            return seen.last_request
        ago_s = time.monotonic() - max(pulls.asked_at for pulls in seen.followed)
        return max(seen.last_request, now - round(ago_s * SECOND))

    def _entry(self, session_id: str, user_id: int) -> _Seen:
        seen = self._seen.get(session_id)
        if seen is None:
            seen = self._seen[session_id] = _Seen(user_id, last_request=self._clock())
            if self._doubtful is not None:  # the session may have ended before its last request finished
                self._doubtful.add(user_id)
        return seen
