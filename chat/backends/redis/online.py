"""Presence in Redis: one sorted set of all sessions, by the time (µs) until which they are online."""

from collections.abc import Iterable, Sequence

from chat.backends.redis.link import Link
from chat.ports import OnlineChange

MOST_AT_ONCE = 1000  # sessions per call
# KEYS: the set. ARGV: session, new time and the time that this process last wrote, for each session.
# A time only grows, unless this process wrote the stored one; another process may have extended it.
GROW_OR_TAKE_BACK = """
for i = 1, #ARGV, 3 do
  local has = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if not has or tonumber(has) < tonumber(ARGV[i + 1]) or tonumber(has) == tonumber(ARGV[i + 2]) then
    redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i])
  end
end
"""


class RedisOnline:
    def __init__(self, link: Link, prefix: str) -> None:
        self._link = link
        self._key = f"{prefix}:online"
        self._script = link.script(GROW_OR_TAKE_BACK)

    @property
    def losses(self) -> int:
        """How often Redis was lost, possibly with everything written to it."""
        return self._link.losses

    def write(self, changes: Sequence[OnlineChange], now: int) -> None:
        """Store changes, and remove expired sessions."""
        for start in range(0, len(changes), MOST_AT_ONCE):
            some = changes[start : start + MOST_AT_ONCE]
            values = [part for each in some for part in (_member(each), each["until"], each["written"])]
            self._link.run(lambda _, values=values: self._script(keys=[self._key], args=values))  # type: ignore[misc]
        self._link.run(lambda redis: redis.zremrangebyscore(self._key, "-inf", now))

    def forget(self, sessions: Iterable[tuple[str, int]]) -> None:
        """Remove ended sessions (id, user's id)."""
        members = [f"{user_id}:{session_id}" for session_id, user_id in sessions]
        if members:
            self._link.run(lambda redis: redis.zrem(self._key, *members))

    def everybody(self, now: int) -> frozenset[int]:
        """Return the ids of all users with a session that is online."""
        found = self._link.run(lambda redis: redis.zrangebyscore(self._key, f"({now}", "+inf"))
        return frozenset(int(str(member).partition(":")[0]) for member in found)


def _member(change: OnlineChange) -> str:
    return f"{change['user']}:{change['session']}"
