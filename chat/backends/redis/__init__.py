"""Redis beside the database: rate limits and presence of all processes, and hints between them.

Nothing here must survive: without Redis the database and the memory of each process are enough (decision 0103).
"""

import hashlib

from chat.backends.redis.buckets import RedisBuckets
from chat.backends.redis.hints import RedisHints
from chat.backends.redis.link import Link
from chat.backends.redis.online import RedisOnline


class RedisShared:
    """State and hints that the processes of one chat share through one Redis."""

    def __init__(self, url: str, secret: str) -> None:
        """secret: of the chat. Several chats may use one Redis: their keys and channels differ by it."""
        self.link = Link(url)
        prefix = f"commonroom:{hashlib.sha256(f'redis {secret}'.encode()).hexdigest()[:12]}"
        self.buckets = RedisBuckets(self.link, prefix)
        self.online = RedisOnline(self.link, prefix)
        self.hints = RedisHints(self.link, prefix, secret)

    def start(self) -> None:
        """Start the threads that watch over Redis. Call it after the fork."""
        self.hints.start()

    def stop(self) -> None:
        self.hints.stop()
        self.link.close()
