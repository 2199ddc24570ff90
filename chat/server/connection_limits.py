"""Limits on the number of connections: in all, since each takes a descriptor, and per address."""

from collections import Counter

NO_BOUND = 0


class Places:
    """Counts for one worker process. Without descriptors there would be no answers and no database."""

    def __init__(self, most: int, most_each: int = NO_BOUND) -> None:
        self.most = most
        self.set_most_each(most_each)
        self.taken = 0
        self._by_address: Counter[str] = Counter()

    def set_most_each(self, most_each: int) -> None:
        """Limit connections per address, to at most half of all, so that no address can use them all."""
        self.most_each = min(most_each, max(1, self.most // 2)) if most_each else NO_BOUND

    def take(self, address: str) -> int:
        """Count a connection. Returns the excess over the limits. "" is the address of proxies, which has no limit."""
        self.taken += 1
        self._by_address[address] += 1
        too_many = self.taken - self.most
        if self.most_each and address:
            too_many = max(too_many, self._by_address[address] - self.most_each)
        return max(0, too_many)

    def leave(self, address: str) -> None:
        """Release a connection."""
        self.taken -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
