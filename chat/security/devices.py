"""Device cookies: a browser that has logged in to an account before can prove it (OWASP, "Slow Down Online Guessing").

A mark belongs to one account and one password; the server stores nothing. A cookie holds the marks of several accounts,
because schools share browsers.
"""

import base64
import hashlib
import hmac
import secrets

LIFETIME_SECONDS = 365 * 86400.0
_MOST_MARKS = 4  # accounts remembered per browser
_NONCE_BYTES, _MAC_BYTES = 9, 15  # 24 bytes: 32 characters of Base64
_MARK_CHARS = 32


class Devices:
    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(f"devices {secret}".encode()).digest()

    def find(self, cookie: str, user_id: int, password_hash: str) -> str:
        """Return the cookie's mark for this account with this password, or ""."""
        for mark in _marks(cookie):
            try:
                nonce = base64.urlsafe_b64decode(mark)[:_NONCE_BYTES]
            except ValueError:
                continue
            if hmac.compare_digest(mark, self._mark(nonce, user_id, password_hash)):
                return mark
        return ""

    def remember(self, cookie: str, user_id: int, password_hash: str) -> str:
        """Return the cookie with this account's mark in front, reusing an existing mark."""
        mark = self.find(cookie, user_id, password_hash)
        mark = mark or self._mark(secrets.token_bytes(_NONCE_BYTES), user_id, password_hash)
        return ".".join(list(dict.fromkeys([mark, *_marks(cookie)]))[:_MOST_MARKS])

    def address_mark(self, user_id: int, address: str) -> str:
        """Return the stored form of an address, from which the address cannot be recovered."""
        return self._mac(f"address {user_id} {address}".encode())[:16].hex()

    def _mark(self, nonce: bytes, user_id: int, password_hash: str) -> str:
        mac = self._mac(nonce + f" {user_id} {password_hash}".encode())[:_MAC_BYTES]
        return base64.urlsafe_b64encode(nonce + mac).decode()

    def _mac(self, message: bytes) -> bytes:
        return hmac.digest(self._key, message, "sha256")


def _marks(cookie: str) -> list[str]:
    marks = cookie[: _MOST_MARKS * (_MARK_CHARS + 1)].split(".")
    return [mark for mark in marks if len(mark) == _MARK_CHARS and mark.isascii()]
