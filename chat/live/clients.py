"""Whose a connection or request is, as turns and shares are counted: a person where one is known, else an address."""

import re
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network

Client = int | str  # a user's id, or an address
_HEADER = re.compile(rb"\r\n(Authorization|Cookie|X-Forwarded-For)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
MOST_TOKENS = 8  # of one request are looked at: localhost has other programs' cookies too


def limited_address(address: str) -> str:
    """What counts as one address."""
    if ":" not in address:
        return address
    try:
        mapped = IPv6Address(address).ipv4_mapped  # IPv4, at a listener on ::
        # One subscriber has a whole /64 of IPv6 addresses.
        return str(mapped or IPv6Network((address, 64), strict=False))
    except ValueError:
        return address


class Clients:
    """Finds whose a request is, from its head alone.

    `user_named` gives the user whom a token names, if it bears our signature. It need not be good any more: whoever has
    it gets a turn as that user, and cannot make up another. So random tokens bring no further turns.
    """

    def __init__(self, user_named: Callable[[str], int | None], trusted_proxies: int) -> None:
        self._user_named = user_named
        self._proxies = trusted_proxies

    def of_request(self, head: bytes, peer_address: str) -> Client:
        """The person, else the address. `head` is all of the request before its body."""
        tokens: list[str] = []
        forwarded: list[bytes] = []
        for name, value in _HEADER.findall(head):
            match name.lower():
                case b"x-forwarded-for":
                    forwarded += value.split(b",")
                case b"authorization":
                    tokens.append(value.split()[-1].decode("latin-1") if value.strip() else "")
                case b"cookie":  # whatever its name is
                    tokens += [pair.partition(b"=")[2].strip().decode("latin-1") for pair in value.split(b";")]
        for token in [token for token in tokens if token.count(".") == 2][:MOST_TOKENS]:
            user_id = self._user_named(token)
            if user_id is not None:
                return user_id
        if self._proxies and len(forwarded) >= self._proxies:
            peer_address = forwarded[-self._proxies].strip().decode("latin-1")
        return limited_address(peer_address)


NO_CLIENTS = Clients(lambda _: None, 0)  # where no application is there yet
