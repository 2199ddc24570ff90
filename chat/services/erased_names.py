"""Login names of erased accounts stay taken, though nobody can read them (docs/decisions/0156)."""

import hashlib
import hmac
from collections.abc import Iterable

from sqlalchemy import bindparam, delete, insert, select

from chat.models import ErasedName
from chat.ports import WriteTransaction
from chat.services.access import AnyConnection, run
from chat.storage.prepared import Prepared

_CHUNK = 400  # names per statement
_kept = Prepared(select(ErasedName.digest).where(ErasedName.digest == bindparam("digest")))  # each registration asks


class ErasedNames:
    """Compares names by digests that nobody can compute without the server's secret."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(f"erased names {secret}".encode()).digest()

    def keep(self, tx: WriteTransaction, keys: Iterable[str]) -> None:
        """Keep these names taken for ever. keys: of names (chat.names.name_key)."""
        for digest in {self._digest(key) for key in keys if key}:
            tx.execute(delete(ErasedName).where(ErasedName.digest == digest))
            tx.execute(insert(ErasedName).values(digest=digest))

    def has(self, connection: AnyConnection, key: str) -> bool:
        """Return whether an erased account had this name."""
        return bool(run(connection, _kept, {"digest": self._digest(key)}))

    def among(self, connection: AnyConnection, keys: Iterable[str]) -> set[str]:
        """Return those of the keys that are the names of erased accounts."""
        by_digest = {self._digest(key): key for key in keys}
        digests, found = list(by_digest), set[str]()
        for start in range(0, len(digests), _CHUNK):
            taken = select(ErasedName.digest).where(ErasedName.digest.in_(digests[start : start + _CHUNK]))
            found |= {by_digest[digest] for digest in connection.execute(taken).scalars()}
        return found

    def _digest(self, key: str) -> str:
        return hmac.digest(self._key, key.encode(), "sha256").hex()[:32]
