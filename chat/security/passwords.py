"""Password hashing: argon2id over digests of the password (specs, "realtime")."""

import hashlib
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane

MAX_CHARS = 128  # of a password or passwd
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)

# Two at a time, so that a class that logs in at once does not stall the rest. Under LiveWorker these are lanes'
# threads, and nothing waits here; other servers have nothing but these places.
_places = threading.BoundedSemaphore(2)
_room_place = threading.BoundedSemaphore(1)  # rooms' passwds take one of them at most: logins come first
_LONGEST_WAIT = 30.0  # seconds


def normal(password: str) -> str:
    """A password as it is hashed: in NFC, since keyboards type é as one character or as two."""
    # Normalizing takes quadratic time on hostile text; what is longer is nobody's password.
    return unicodedata.normalize("NFC", password) if len(password) <= MAX_CHARS else password


def sha1(password: str, *, as_typed: bool = False) -> str:
    """The digest that ordinary logins go by, of the normal form unless taken as typed: 40 hex digits."""
    text = password if as_typed else normal(password)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def md5(password: str) -> str:
    """The digest that realtime's clients send, of the password as typed: 32 hex digits."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


def hash_digest(digest: str, *, for_room: bool = False) -> str:
    """argon2id of a digest or secret, as text with salt and parameters. Raises UNAVAILABLE when too many wait."""
    with place(for_room=for_room):
        return _hasher.hash(digest)


def verify(stored: str | None, digest: str) -> bool:
    """Whether the digest is the stored one. Without a stored one it takes as long, and is not. Call it in a place()."""
    try:
        return _hasher.verify(stored or _NOBODYS, digest) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


@contextmanager
def place(*, for_room: bool = False) -> Iterator[None]:
    """One of the few places where hashing goes on: a thread of that lane. Call it before any side effect.

    Raises WrongLane; where there are no lanes UNAVAILABLE, when too many wait.
    """
    if enter_lane(Lane.ROOM_PASSWDS if for_room else Lane.HASHING):
        yield
        return
    with _turn_at(_room_place) if for_room else nullcontext(), _turn_at(_places):
        yield


@contextmanager
def _turn_at(places: threading.BoundedSemaphore) -> Iterator[None]:
    if not places.acquire(timeout=_LONGEST_WAIT):
        raise ChatError(ErrorCode.UNAVAILABLE, retry_after=5)
    try:
        yield
    finally:
        places.release()


# What a login as an unknown user is compared with, so that it takes the same time. Same parameters as _hasher.
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$U41R/fVdOG2CpLse5aLXBA$msfrC+jj4fRPZUZf2eCpuC8OMWj1zleOi5yp3tSe+Ws"
