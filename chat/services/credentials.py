"""Passwords of accounts: their meanings, the stored hashes, and the proof that somebody knew one."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from chat.clock import SECOND
from chat.errors import ChatError, ErrorCode
from chat.models import User
from chat.ports import WriteTransaction
from chat.security import passwords

PASSWORD_MAX_CHARS = passwords.MAX_CHARS
_HEX = re.compile(r"[0-9a-fA-F]{32}(?:[0-9a-fA-F]{8})?")  # an MD5 or SHA-1


@dataclass(frozen=True, slots=True)
class Proven:
    """Proof that the caller knew this user's password when it was checked.

    Hashing is slow, so the password may have changed since: call `require_still` inside the write transaction.
    """

    user_id: int
    username: str
    password_sha1: str  # the stored value at the time of the check

    def require_still(self, tx: WriteTransaction) -> None:
        """Raise CREDENTIALS_WRONG if the password has changed since it was checked."""
        same = (User.id == self.user_id, User.password_sha1 == self.password_sha1)
        # FOR UPDATE (on back ends without a single writer) keeps the password unchanged until the commit.
        if tx.execute(select(User.id).where(*same).with_for_update()).first() is None:
            raise ChatError(ErrorCode.CREDENTIALS_WRONG)


def digests(password: str, *, digest_allowed: bool) -> list[tuple[str, str]]:
    """Return the possible meanings of a password, each with the column to compare it with.

    Text that looks like a digest may also be a plain password.
    """
    found = [("password_sha1", passwords.sha1(password))]
    as_typed = passwords.sha1(password, as_typed=True)  # for accounts created before passwords were normalised
    if as_typed != found[0][1]:
        found.append(("password_sha1", as_typed))
    if digest_allowed and _HEX.fullmatch(password):
        digest_of_length = {32: "password_md5", 40: "password_sha1"}
        found.insert(0, (digest_of_length[len(password)], password.lower()))
    return found


def hashes(password: str, hash_digest: Callable[[str], str] | None = None) -> dict[str, Any]:
    """Return the columns of User that change with the password. Slow: hashes twice, by default in the lane for it."""
    hash_digest = hash_digest or passwords.hash_digest
    return {
        "password_sha1": hash_digest(passwords.sha1(password)),
        "password_md5": hash_digest(passwords.md5(password)),
        "password_changed_at": round(time.time() * SECOND),
    }
