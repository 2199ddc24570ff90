"""One account of all that is kept for clients: bodies and frames that come in, answers and pushes that are not read."""

from collections.abc import Sequence
from typing import Protocol

from chat.live.clients import Client

LARGE_BYTES = 16 * 1024  # of a piece of an answer: smaller ones count only when they are written
SMALL_BYTES = 4096  # of one connection are not counted: connections are bounded themselves
USERS_SHARE, ADDRESSES_SHARE = 1 / 8, 3 / 4  # of all; a school may have but one address


class Keeper(Protocol):
    """A connection."""

    share: "Share | None"

    @property
    def client(self) -> Client:
        """Whom it counts for. Only asked for at the first bytes."""

    @property
    def place(self) -> str:
        """The address that it counts for; "" where that is a proxy's."""


class Share:
    """What is kept for one connection, as it is counted."""

    __slots__ = ("clients", "size")

    def __init__(self, client: Client, place: str) -> None:
        self.clients = (client,) if client == place or not place else (client, place)
        self.size = 0


class _Held:
    """A large piece of answers, and for how many."""

    __slots__ = ("count", "piece", "share")

    def __init__(self, piece: bytes, share: Share) -> None:
        self.piece = piece  # so that nothing else gets its id
        self.share = share
        self.count = 0


class Memory:
    """The account of one worker process. On the loop."""

    def __init__(self, most: int, least_share: int = 0) -> None:
        self.most = most  # bytes
        self._users = max(int(most * USERS_SHARE), least_share)
        self._addresses = max(int(most * ADDRESSES_SHARE), least_share)
        self.total = 0
        self._of: dict[Client, int] = {}
        self._held: dict[int, _Held] = {}  # by the id of the piece

    def keep(self, keeper: Keeper, size: int) -> bool:
        """Count so many bytes for the connection, instead of those before. Whether there may be more of them than were.

        Where not, they are counted all the same: the caller gives them up.
        """
        share = keeper.share
        if size <= SMALL_BYTES:
            size = 0
        if share is None:
            if not size:
                return True
            share = keeper.share = Share(keeper.client, keeper.place)
        grown, share.size = size - share.size, size
        is_within = self._grow(share, grown)
        if not size:
            keeper.share = None
        return is_within

    def hold(self, keeper: Keeper, pieces: Sequence[bytes]) -> bool:
        """Count the pieces of an answer until they are released as often. Whether there may be more.

        A large piece that several connections hold is one object: it counts once, for whose connection held it first.
        """
        is_within = True
        for piece in pieces:
            if len(piece) < LARGE_BYTES:
                continue
            held = self._held.get(id(piece))
            if held is None:
                held = self._held[id(piece)] = _Held(piece, Share(keeper.client, keeper.place))
                is_within = self._grow(held.share, len(piece)) and is_within
            held.count += 1
        return is_within

    def release(self, pieces: Sequence[bytes]) -> None:
        """The other side of hold."""
        for piece in pieces:
            if len(piece) < LARGE_BYTES:
                continue
            held = self._held[id(piece)]
            held.count -= 1
            if not held.count:
                del self._held[id(piece)]
                self._grow(held.share, -len(piece))

    def of(self, client: Client) -> int:
        """Bytes that are kept for a user or an address."""
        return self._of.get(client, 0)

    def _grow(self, share: Share, grown: int) -> bool:
        self.total += grown
        is_within = self.total <= self.most
        for client in share.clients:
            size = self._of.get(client, 0) + grown
            if size:
                self._of[client] = size
            else:
                self._of.pop(client, None)
            is_within = is_within and size <= (self._users if isinstance(client, int) else self._addresses)
        return is_within or grown <= 0
