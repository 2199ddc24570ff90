"""Password hashing: argon2id over digests of the password (docs/specification.md, "realtime")."""

import contextlib
import hashlib
import os
import threading
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane

MAX_CHARS = 128  # of a password or room passwd
_hasher = PasswordHasher(time_cost=5, memory_cost=7 * 1024, parallelism=1, type=Type.ID)  # docs/decisions/0345
# A seventh of the cost, for generated passwords only: they are long enough (docs/decisions/0113).
_light_hasher = PasswordHasher(time_cost=1, memory_cost=4 * 1024, parallelism=1, type=Type.ID)
_LIGHT = "$argon2id$v=19$m=4096,t=1,p=1$"

# Two at a time, so that a class logging in at once does not stall the rest. Under LiveWorker the lanes' threads already
# ensure this; other servers rely on these semaphores.
_places = threading.BoundedSemaphore(2)
_room_place = threading.BoundedSemaphore(1)  # room passwds use at most one of them, so that log-ins go first
_LONGEST_WAIT = 30.0  # seconds
_NICENESS = 10  # added, for argon2 alone
T = TypeVar("T")


def normal(password: str) -> str:
    """Return the password in NFC, the form that is hashed: keyboards type é as one character or as two."""
    # Normalising takes quadratic time on hostile text; no letter of a password is typed as five characters.
    return unicodedata.normalize("NFC", password) if len(password) <= 4 * MAX_CHARS else password


def sha1(password: str, *, as_typed: bool = False) -> str:
    """Return the digest for ordinary logins: 40 hex digits, of the normal form unless `as_typed`."""
    text = password if as_typed else normal(password)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def md5(password: str) -> str:
    """Return the digest that realtime's clients send, of the password as typed: 32 hex digits."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


def hash_digest(digest: str, *, for_room: bool = False) -> str:
    """Hash a digest or secret with argon2id, as text with salt and parameters. Raises UNAVAILABLE if too many wait."""
    with place(for_room=for_room):
        return at_low_priority(lambda: _hasher.hash(digest))


def hash_aside(digest: str) -> str:
    """Like hash_digest, on a thread of low priority that occupies no slot."""
    return _hasher.hash(digest)


def hash_generated(digest: str) -> str:
    """Hash the digest of a password with at least 37 random bits (`teachers.easy_password`), at low cost."""
    return _light_hasher.hash(digest)


def verify(stored: str | None, digest: str) -> bool:
    """Compare a digest with the stored hash. Without one it returns False after the same time. Call it
    in a `place()`.
    """
    if stored is not None and stored.startswith(_LIGHT):
        at_low_priority(lambda: _is_right(_NOBODYS, digest))  # the time must not tell whose password was generated
    return at_low_priority(lambda: _is_right(stored or _NOBODYS, digest)) and stored is not None


def _is_right(stored: str, digest: str) -> bool:
    try:
        return _hasher.verify(stored, digest)
    except (VerificationError, InvalidHashError):
        return False


def at_low_priority(call: Callable[[], T]) -> T:
    """Return the call's result, from a thread of low priority: argon2 releases the GIL, so it delays no other thread.

    Not the caller itself, who writes to the database before and after: a thread of low priority that holds the turn of
    all writers gets hardly any CPU time on a busy machine.
    """
    return _low_threads().submit(call).result()


@cache
def _low_threads() -> ThreadPoolExecutor:
    """Return the process's threads for hashing, one for each place."""
    return ThreadPoolExecutor(3, "argon2", initializer=_lower_priority)


def _lower_priority() -> None:
    with contextlib.suppress(OSError, AttributeError):  # only Linux has it by thread
        niceness = os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


os.register_at_fork(after_in_child=_low_threads.cache_clear)  # threads stay with the parent


@contextmanager
def place(*, for_room: bool = False) -> Iterator[None]:
    """Occupy one of the few hashing slots: a thread of the lane. Call it before any side effect.

    Raises WrongLane; on servers without lanes UNAVAILABLE if too many wait.
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


# Compared for unknown users, so that they take the same time. Same parameters as _hasher.
_NOBODYS = "$argon2id$v=19$m=7168,t=5,p=1$D/wi++dfk+ae+8bIP+MDPQ$qZ58l/f3kSVze8HgF0uKvvcXz2WHJMklHnjbPYFqwlY"
