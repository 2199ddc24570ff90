"""The memory account: everything buffered for clients, such as bodies, frames, unread answers and pushes."""

from collections.abc import Sequence
from typing import Protocol

from chat.server.ports import Client

LARGE_BYTES = 16 * 1024  # of a part of an answer: smaller ones count only when written
SMALL_BYTES = 4096  # per connection, not counted: the number of connections is limited
USERS_SHARE, ADDRESSES_SHARE = 1 / 8, 3 / 4  # of the total; a school may have a single address


class Keeper(Protocol):
    """A connection that buffers data."""

    share: "Share | None"

    @property
    def client(self) -> Client:
        """The client to charge. Only called for the first bytes."""

    @property
    def place(self) -> str:
        """The address to charge; "" for a proxy's."""


class Share:
    """The buffered data of one connection, as counted."""

    __slots__ = ("clients", "size")

    def __init__(self, client: Client, place: str) -> None:
        self.clients = (client,) if client == place or not place else (client, place)
        self.size = 0


class _Held:
    """A large part of answers, and its number of uses."""

    __slots__ = ("count", "piece", "share")

    def __init__(self, piece: bytes, share: Share) -> None:
        self.piece = piece  # keeps the object alive, so that its id stays unique
        self.share = share
        self.count = 0


class Memory:
    """The account of one worker process. Used on the loop."""

    def __init__(self, most: int, least_share: int = 0) -> None:
        self.most = most  # bytes
        self._users = max(int(most * USERS_SHARE), least_share)
        self._addresses = max(int(most * ADDRESSES_SHARE), least_share)
        self.total = 0
        self._of: dict[Client, int] = {}
        self._held: dict[int, _Held] = {}  # by the id of the part

    def keep(self, keeper: Keeper, size: int) -> bool:
        """Replace the connection's count by this size. Returns whether the increase is allowed.

        If not, it is counted anyway: the caller drops the connection.
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
        """Count the parts of an answer until they are released equally often. Returns whether the increase is allowed.

        A large part held by several connections is one object: it counts once, for the client that held it first.
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
        """Undo `hold`."""
        for piece in pieces:
            if len(piece) < LARGE_BYTES:
                continue
            held = self._held[id(piece)]
            held.count -= 1
            if not held.count:
                del self._held[id(piece)]
                self._grow(held.share, -len(piece))

    def of(self, client: Client) -> int:
        """Bytes buffered for a user or an address."""
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
