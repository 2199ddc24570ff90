"""Room passwords: hashing, and rate limits on guessing (docs/decisions/0026)."""

from collections.abc import Callable

from chat.clock import SECOND, Clock
from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.models import Actor
from chat.security import passwords
from chat.security.events import Whence
from chat.security.limits import (
    ROOM_HASHES,
    WRONG_PASSWDS,
    WRONG_PASSWDS_AN_HOUR,
    WRONG_PASSWDS_OF_ROOM,
    WRONG_PASSWDS_OF_ROOM_IN_ALL,
)
from chat.services.access import FoundRoom, RoomRef
from chat.services.rate_limits import Bucket, Limits

PASSWD_MAX_CHARS = passwords.MAX_CHARS
NEW_FOR = 86400 * SECOND  # µs during which an account counts as new


class RoomPasswords:
    def __init__(self, clock: Clock, limits: Limits, whence: Callable[[], Whence]) -> None:
        self._clock = clock
        self._limits = limits
        self._whence = whence

    def hashed(self, actor: Actor, passwd: str) -> str:
        """Return the stored form of a password for a room that the actor creates.

        Raises FIELD_INVALID, RATE_LIMITED.
        """
        if len(passwords.normal(passwd)) > PASSWD_MAX_CHARS:
            raise ChatError(ErrorCode.FIELD_INVALID, field="passwd")
        enter_lane(Lane.ROOM_PASSWDS)  # before anything is taken from the rate limit
        self._limits.take_shared((ROOM_HASHES, actor.user_id))
        return passwords.hash_digest(passwords.normal(passwd), for_room=True)

    def check(self, actor: Actor, room: FoundRoom, ref: RoomRef, passwd: str) -> None:
        """Check a room's password; passes if the room has none.

        Raises ROOM_PASSWD_WRONG, RATE_LIMITED after too many wrong ones, UNAVAILABLE if too many checks are queued.
        """
        if room.passwd_hash is None:
            return
        with passwords.place(for_room=True):
            failures = self._buckets(actor, room)
            self._limits.check_shared(*failures)
            self._limits.take_shared((ROOM_HASHES, actor.user_id))  # correct ones cost the same
            # also as typed, for rooms created before passwords were normalised
            for typed in dict.fromkeys((passwords.normal(passwd), passwd)):
                if len(typed) <= PASSWD_MAX_CHARS and passwords.verify(room.passwd_hash, typed):
                    return
            self._limits.take_shared(*failures)
        raise ChatError(ErrorCode.ROOM_PASSWD_WRONG, room=ref)

    def _buckets(self, actor: Actor, room: FoundRoom) -> list[Bucket]:
        """Return the buckets for a wrong password. New accounts share the room's bucket: they are free to create."""
        own: list[Bucket] = [(WRONG_PASSWDS, actor.user_id), (WRONG_PASSWDS_AN_HOUR, actor.user_id)]
        if room.role is not None or self._clock() - actor.created_at >= NEW_FOR:
            return own
        there = f"{room.id} {self._whence().address}"
        return [*own, (WRONG_PASSWDS_OF_ROOM, there), (WRONG_PASSWDS_OF_ROOM_IN_ALL, room.id)]
