"""Rate limits in Redis: the arithmetic of security.limits.Limit.take in Lua, by Redis's own clock."""

import hashlib
from collections.abc import Sequence

from chat.backends.redis.link import Link
from chat.clock import SECOND
from chat.ports import Take
from chat.security.limits import Limit

KEY_MAX_CHARS = 100  # longer keys are hashed

# KEYS: buckets. ARGV: 1 to only look; then interval (µs), burst and count for each bucket.
# A bucket is the time (µs) at which it is full again; its key expires then. Lua's numbers are exact up to 2^53.
# Answers the number of the bucket that has too few (0: none), and the µs to wait for it.
NOW = "local time = redis.call('TIME'); local now = time[1] * 1000000 + time[2]"
TAKE = f"""
{NOW}
local full = {{}}
for i, key in ipairs(KEYS) do
  local interval, burst, count = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local deepest = now + interval * burst
  local full_at = tonumber(redis.call('GET', key) or 0)
  if full_at < now or full_at > deepest then full_at = now end
  full_at = full_at + interval * count
  if full_at > deepest then return {{i, full_at - deepest}} end
  full[i] = full_at
end
if ARGV[1] == '0' then
  for i, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000))
  end
end
return {{0, 0}}
"""
# KEYS: buckets. ARGV: µs to give back to each.
GIVE_BACK = f"""
{NOW}
for i, key in ipairs(KEYS) do
  local full_at = tonumber(redis.call('GET', key) or 0) - tonumber(ARGV[i])
  if full_at > now then
    redis.call('SET', key, string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
  else
    redis.call('DEL', key)
  end
end
"""


class RedisBuckets:
    def __init__(self, link: Link, prefix: str) -> None:
        self._link = link
        self._prefix = prefix
        self._take_script = link.script(TAKE)
        self._give_back_script = link.script(GIVE_BACK)

    def take(self, takes: Sequence[Take]) -> tuple[Take, float] | None:
        """Take from all buckets or from none. Returns the one that has too few, and the seconds to wait for it."""
        return self._take(takes, only_look=False)

    def look(self, takes: Sequence[Take]) -> tuple[Take, float] | None:
        """Return what `take` would return, and take nothing."""
        return self._take(takes, only_look=True)

    def give_back(self, takes: Sequence[Take]) -> None:
        """Undo `take`."""
        keys = [self._key(limit, key) for limit, key, _ in takes]
        values = [limit.interval * count for limit, _, count in takes]
        self._link.run(lambda _: self._give_back_script(keys=keys, args=values))

    def is_full(self, limit: Limit, key: object) -> bool:
        """Whether nothing was taken recently."""
        return not self._link.run(lambda redis: redis.exists(self._key(limit, key)))

    def _take(self, takes: Sequence[Take], *, only_look: bool) -> tuple[Take, float] | None:
        keys = [self._key(limit, key) for limit, key, _ in takes]
        values = [number for limit, _, count in takes for number in (limit.interval, limit.burst, count)]
        arguments = [int(only_look), *values]
        number, wait = self._link.run(lambda _: self._take_script(keys=keys, args=arguments))
        return (takes[number - 1], wait / SECOND) if number else None

    def _key(self, limit: Limit, key: object) -> str:
        name = str(key)
        if len(name) > KEY_MAX_CHARS:
            name = hashlib.sha256(name.encode(errors="replace")).hexdigest()
        return f"{self._prefix}:limit:{limit.name}:{name}"
