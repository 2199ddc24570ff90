"""Commands to Redis that hold nobody up: short timeouts, no retries, and no attempts while it is known to be away."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chat.backends.redis.connections import CONNECTIONS, Patience
from chat.ports import SharedAwayError

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 0.25  # for a command, with its connection and the look-up of the host's name
LOG_EVERY_SECONDS = 60.0
T = TypeVar("T")


def client(url: str, patience: Patience) -> "redis.Redis":
    """Make a client with bounded waits.

    redis-py's defaults (8.1) wait 5 s and retry ten times: a stopped Redis would hold a request for 12 s.
    """
    return redis.Redis.from_url(
        url,
        connection_class=CONNECTIONS[urlsplit(url).scheme],
        patience=patience,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        protocol=2,  # with 3 each new connection takes a round trip more
        driver_info=None,
        decode_responses=True,
    )


class Link:
    """The connections of one process. From any thread."""

    def __init__(self, url: str) -> None:
        self._patience = Patience(TIMEOUT_SECONDS)
        self._client = client(url, self._patience)
        self._url = url
        self._logged_at = -LOG_EVERY_SECONDS  # time.monotonic() s
        self._has_told = False
        self.is_up = True  # until a command fails; then until RedisHints gets through
        self.losses = 0

    def run(self, command: Callable[["redis.Redis"], T]) -> T:
        """Run a command. Raises SharedAwayError: after TIMEOUT_SECONDS at most, and at once while Redis is away."""
        if not self.is_up:
            raise SharedAwayError
        return self.attempt(command)

    def attempt(self, command: Callable[["redis.Redis"], T]) -> T:
        """Run a command even if Redis is known to be away, and note whether it is back. Raises SharedAwayError."""
        try:
            with self._patience.limited():
                result = command(self._client)
        except (redis.RedisError, OSError) as error:
            self._lost(error)
            raise SharedAwayError from error
        if not self.is_up:
            self.is_up = True
            if self._has_told:
                self._has_told = False
                log.warning("Redis answers again")
        return result

    def script(self, text: str) -> Callable[..., Any]:
        """Return a Lua script that is sent once and then called by its hash, inside of `run`."""
        return self._client.register_script(text)

    @contextlib.contextmanager
    def subscribed(self, *channels: str) -> Iterator["redis.connection.ConnectionInterface"]:
        """Subscribe to channels on a connection of its own. Raises RedisError.

        Not by redis-py's PubSub: looking for an end before each message, its `get_message` takes twice the CPU.
        """
        pool = client(self._url, self._patience).connection_pool
        try:
            connection = pool.get_connection()
            connection.send_command("SUBSCRIBE", *channels)  # type: ignore[no-untyped-call]
            yield connection
        finally:
            pool.disconnect()

    def close(self) -> None:
        self._client.close()

    def _lost(self, error: Exception) -> None:
        if self.is_up:
            self.is_up = False
            self.losses += 1
            self._client.connection_pool.disconnect(inuse_connections=False)
        now = time.monotonic()
        if now - self._logged_at >= LOG_EVERY_SECONDS:
            self._logged_at = now
            self._has_told = True
            log.warning("Redis is away, going on without: %s", error)
