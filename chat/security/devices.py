"""Device cookies: a browser that has been logged in to an account can prove it (OWASP, "Slow Down Online Guessing").

A mark is made for one account and one password; nothing is stored. A cookie holds the marks of a few accounts, as
browsers of a school are shared.
"""

import base64
import hashlib
import hmac
import secrets

LIFETIME_SECONDS = 365 * 86400.0
_MOST_MARKS = 4  # accounts a browser is known for
_NONCE_BYTES, _MAC_BYTES = 9, 15  # 24 bytes: 32 characters of Base64
_MARK_CHARS = 32


class Devices:
    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(f"devices {secret}".encode()).digest()

    def find(self, cookie: str, user_id: int, password_hash: str) -> str:
        """Of the cookie's marks the one of this account with this password; "" where there is none."""
        for mark in _marks(cookie):
            try:
                nonce = base64.urlsafe_b64decode(mark)[:_NONCE_BYTES]
            except ValueError:
                continue
            if hmac.compare_digest(mark, self._mark(nonce, user_id, password_hash)):
                return mark
        return ""

    def remember(self, cookie: str, user_id: int, password_hash: str) -> str:
        """The cookie with a mark of this account at its head; it keeps the one that it has."""
        mark = self.find(cookie, user_id, password_hash)
        mark = mark or self._mark(secrets.token_bytes(_NONCE_BYTES), user_id, password_hash)
        return ".".join(list(dict.fromkeys([mark, *_marks(cookie)]))[:_MOST_MARKS])

    def address_mark(self, user_id: int, address: str) -> str:
        """What an address that the account was used from is stored as: no address can be read from it."""
        return self._mac(f"address {user_id} {address}".encode())[:16].hex()

    def _mark(self, nonce: bytes, user_id: int, password_hash: str) -> str:
        mac = self._mac(nonce + f" {user_id} {password_hash}".encode())[:_MAC_BYTES]
        return base64.urlsafe_b64encode(nonce + mac).decode()

    def _mac(self, message: bytes) -> bytes:
        return hmac.digest(self._key, message, "sha256")


def _marks(cookie: str) -> list[str]:
    marks = cookie[: _MOST_MARKS * (_MARK_CHARS + 1)].split(".")
    return [mark for mark in marks if len(mark) == _MARK_CHARS and mark.isascii()]
