"""The client of a connection or request for turns and shares: the user if known, otherwise the address."""

import re
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network

from chat.server.ports import Client

_HEADER = re.compile(rb"\r\n(Authorization|Cookie|X-Forwarded-For)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
# Some proxies add the client's port: limits would hold for each connection on its own.
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9]+(?:\.[0-9]+){3}))(?::[0-9]+)?")
MOST_TOKENS = 8  # examined per request: localhost has other programs' cookies too


def limited_address(address: str) -> str:
    """Return the address under which limits count."""
    if ":" not in address:
        return address
    if (found := _WITH_PORT.fullmatch(address)) is not None:
        return limited_address(found[1] or found[2])
    try:
        mapped = IPv6Address(address).ipv4_mapped  # IPv4, at a listener on ::
        # One subscriber owns a whole /64 of IPv6 addresses.
        return str(mapped or IPv6Network((address, 64), strict=False))
    except ValueError:
        return address


class Clients:
    """Determines a request's client from its head.

    `user_named` returns the user of a token with a valid signature. The token may have expired: it still only gives
    turns as its own user. Random tokens give no additional turns.
    """

    def __init__(self, user_named: Callable[[str], int | None], trusted_proxies: int) -> None:
        self._user_named = user_named
        self._proxies = trusted_proxies

    def of_request(self, head: bytes, peer_address: str) -> Client:
        """Return the user, or the address. `head`: the request before its body."""
        tokens: list[str] = []
        forwarded: list[bytes] = []
        for name, value in _HEADER.findall(head):
            match name.lower():
                case b"x-forwarded-for":
                    forwarded += value.split(b",")
                case b"authorization":
                    tokens.append(value.split()[-1].decode("latin-1") if value.strip() else "")
                case b"cookie":  # with any name
                    tokens += [pair.partition(b"=")[2].strip().decode("latin-1") for pair in value.split(b";")]
        for token in [token for token in tokens if token.count(".") == 2][:MOST_TOKENS]:
            user_id = self._user_named(token)
            if user_id is not None:
                return user_id
        if self._proxies and len(forwarded) >= self._proxies:
            peer_address = forwarded[-self._proxies].strip().decode("latin-1")
        return limited_address(peer_address)
