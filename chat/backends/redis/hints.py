"""Hints by Redis to all processes of a chat, on one channel: short messages themselves, else "look for events".

Publish/subscribe loses messages without an error: a connection that was cut silently hears nothing, and redis-py's
health check does not notice (14 s and more). Each process therefore publishes a beat every second, on a channel of its
own, and listens for it: a process that does not hear its own beats is deaf, and subscribes again. With each beat it
asks how many listen to hints; if nobody else does, it sends none: each costs it 0.2 ms of CPU.
"""

import contextlib
import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from random import SystemRandom

import redis

from chat import metrics
from chat.backends.hinted import Outbox, heard_events
from chat.backends.redis.link import Link
from chat.models import Event
from chat.ports import SharedAwayError
from chat.restartable_thread import RestartableThread

log = logging.getLogger(__name__)
SPACING_SECONDS = 0.005  # between two hints: bursts become one
BEAT_SECONDS = 1.0
DEAF_AFTER_SECONDS = 3.0
RETRY_SECONDS = (0.2, 2.0)  # after a lost connection; doubled up to the second
_HINT, _BEAT = "h", "b"


class RedisHints:
    """Two threads: one publishes, one listens."""

    def __init__(self, link: Link, prefix: str, secret: str) -> None:
        """secret: of the chat. Its processes know by it who has written a message in a hint."""
        self._link = link
        self._key = hashlib.sha256(f"hints {secret}".encode()).digest()
        self._channel = f"{prefix}:hints"
        self._name = secrets.token_hex(8)
        self._beats = f"{prefix}:beat:{self._name}"  # a channel that wakes nobody else
        self._must_greet = True
        self._heard: Callable[[Sequence[Event]], None] = lambda _events: None
        self._failed: Callable[[], None] = lambda: None
        self.is_live = False  # this process hears itself
        self.lag_seconds = 0.0  # of the last beat
        self._beat_at = 0.0  # time.monotonic() s of the last beat heard
        self._beat_due = 0.0  # time.monotonic() s
        self.has_others = False  # other processes listen, as far as is known
        self._due = threading.Event()
        self._outbox = Outbox()
        self._publisher = RestartableThread("hints out", self._publish)
        self._listener = RestartableThread("hints in", self._listen)

    def listen(self, heard: Callable[[Sequence[Event]], None], failed: Callable[[], None]) -> None:
        """Set the callbacks, see chat.ports.Hints. Call it before `start`."""
        self._heard, self._failed = heard, failed

    def start(self) -> None:
        """Start the threads; also after `stop`."""
        metrics.watch_redis(up=lambda: float(self._link.is_up and self.is_live), lag=lambda: self.lag_seconds)
        self._publisher.start()
        self._listener.start()

    def stop(self) -> None:
        """End the threads and wait for them."""
        self._listener.stopping.set()  # before the last beat, which wakes the listener
        self._publisher.stop(self._due.set)
        self._listener.stop()
        self.has_others = False

    def send(self, events: Sequence[Event]) -> bool:
        """Tell of a commit. Never blocks; False: take another way, Redis is away."""
        if not (self.is_live and self._link.is_up):
            return False
        if self.has_others:
            self._outbox.add(events)
            self._due.set()
        return True

    def _publish(self) -> None:
        told_at = -SPACING_SECONDS  # time.monotonic() s
        while not self._publisher.stopping.is_set():
            self._due.wait(max(0.0, self._beat_due - time.monotonic()))
            if (early := told_at + SPACING_SECONDS - time.monotonic()) > 0:
                self._publisher.stopping.wait(early)
            self._due.clear()
            hints = self._outbox.take()
            try:
                for hint in hints:
                    self._tell(_HINT, *self._sealed(hint))
                if time.monotonic() >= self._beat_due:
                    self._beat()
            except SharedAwayError:
                if hints:
                    self._failed()
            if hints:
                told_at = time.monotonic()
        with contextlib.suppress(SharedAwayError):
            self._beat()  # wakes the other thread

    def _beat(self) -> None:
        """Publish a beat, the first one to the others too: they may have sent no hints before."""
        now = time.monotonic()
        self._beat_due = now + BEAT_SECONDS
        channel = self._channel if self._must_greet else self._beats

        def tell(client: "redis.Redis") -> int:
            commands = client.pipeline(transaction=False)
            commands.publish(channel, f"{_BEAT} {self._name} {now}")
            commands.pubsub_numsub(self._channel)
            return int(commands.execute()[1][0][1])

        listening = self._link.attempt(tell)
        self._must_greet = False
        self._know_others(listening > 1)

    def _know_others(self, are_there: bool) -> None:
        """Have processes look that were not known: they have been sent no hints since they began to listen."""
        is_new = are_there and not self.has_others
        self.has_others = are_there
        if is_new:
            self._outbox.look()
            self._due.set()

    def _tell(self, kind: str, *rest: str) -> None:
        line = " ".join([kind, self._name, *rest])
        self._link.attempt(lambda client: client.publish(self._channel, line))

    def _seal(self, hint: str) -> str:
        # With a key BLAKE2 is a MAC. Its cold CPU is a third of HMAC's by OpenSSL.
        return hashlib.blake2b(hint.encode(), key=self._key, digest_size=32).hexdigest()

    def _sealed(self, hint: str) -> list[str]:
        return [self._seal(hint), hint] if hint else []

    def _opened(self, content: str) -> str:
        """Return the hint in a line; none if it is another program's."""
        seal, _, hint = content.partition(" ")
        return hint if hmac.compare_digest(seal.encode(), self._seal(hint).encode()) else ""

    def _listen(self) -> None:
        pause, most = RETRY_SECONDS
        while not self._listener.stopping.is_set():
            try:
                with self._link.subscribed(self._channel, self._beats) as connection:
                    self._hear(connection)
            except (redis.RedisError, OSError) as error:
                log.info("the subscription to hints was lost: %s", error)
            except Exception:
                log.exception("listening for hints failed; it is tried again")
            if self.is_live:
                self.is_live = False
                pause = RETRY_SECONDS[0]
                self._failed()
            self._listener.stopping.wait(pause * SystemRandom().uniform(0.8, 1.2))  # not all processes at once
            pause = min(most, 2 * pause)

    def _hear(self, connection: "redis.connection.ConnectionInterface") -> None:
        """Pass hints on until the connection is lost or deaf. Raises RedisError."""
        self._must_greet = True
        self._beat_at = time.monotonic()
        while not self._listener.stopping.is_set():
            kind, content = "", None
            with contextlib.suppress(redis.TimeoutError):
                kind, _, content = connection.read_response(timeout=BEAT_SECONDS, disconnect_on_error=False)
            now = time.monotonic()
            if kind == "message":
                self._take(str(content), now)
            elif kind:  # subscribed: everything published from now on is heard
                self._beat_due = 0.0
                self._due.set()
            if now - self._beat_at > DEAF_AFTER_SECONDS:
                raise redis.ConnectionError("its own beats are not heard")

    def _take(self, line: str, now: float) -> None:
        kind, _, rest = line.partition(" ")
        name, _, content = rest.partition(" ")
        if kind == _HINT and name != self._name:
            self._heard(heard_events(self._opened(content)))
        elif kind == _BEAT and name != self._name:
            self._know_others(True)
        elif kind == _BEAT:
            self.lag_seconds = max(0.0, now - float(content))
            self._beat_at = now
            if not self.is_live:  # a look now misses nothing that comes after it
                self.is_live = True
                self._heard(())
