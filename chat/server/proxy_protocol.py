"""Line connections from a proxy: the PROXY protocol, versions 1 and 2, tells the client's address.

Strict, as https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt requires: a trusted proxy must send a header, and
nobody else may.
"""

import ipaddress
import logging
import re
import struct
import time
from collections.abc import Sequence
from typing import Any

from chat.server.bounded_connection import HEAD_SECONDS, BoundedConnection
from chat.server.host import Host
from chat.server.lines import LineConnection
from chat.server.ports import LineProtocol, Network

log = logging.getLogger("gunicorn.error")

Address = tuple[str, int]
V1_MAX_BYTES = 107  # the longest line allowed by the document
V2_MAX_BYTES = 2048  # including a proxy's additional data, which is skipped
_V1 = b"PROXY "
_V2 = b"\r\n\r\n\0\r\nQUIT\n"
_SIDES = rb"([0-9a-fA-F:.]+) ([0-9a-fA-F:.]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4})"
_LINE = re.compile(rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|TCP([46]) " + _SIDES + rb")")
_LOCAL, _PROXY = 0x20, 0x21  # version 2, and its commands
_UNSPECIFIED = 0
# IPv4 and IPv6: source, destination, and their ports
_TCP = {0x11: struct.Struct("!4s4sHH"), 0x21: struct.Struct("!16s16sHH")}


class HeaderError(Exception):
    """The data from the proxy does not begin with a header."""


def trusts(proxies: Sequence[Network], address: str) -> bool:
    """Whether the address belongs to one of the proxies."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if found.version == 6 else None  # IPv4, at a listener on ::
    return any((mapped or found) in network for network in proxies)


def read_header(data: bytes) -> tuple[int, Address | None] | None:
    """Return the header's length and the client's address; None if the header is incomplete.

    No address: the connection is the proxy's own, such as a health check. Raises HeaderError.
    """
    if data.startswith(_V2):
        return _read_v2(data)
    if data.startswith(_V1):
        return _read_v1(data)
    if _V1.startswith(data) or _V2.startswith(data):
        return None
    raise HeaderError


def _read_v1(data: bytes) -> tuple[int, Address | None] | None:
    end = data.find(b"\r\n", 0, V1_MAX_BYTES)
    if end < 0:
        if len(data) >= V1_MAX_BYTES or b"\n" in data:
            raise HeaderError
        return None
    line = _LINE.fullmatch(data[:end])
    if line is None:
        raise HeaderError
    if line[1] is None:
        return end + 2, None
    try:
        sides = [ipaddress.ip_address(line[number].decode()) for number in (2, 3)]
    except ValueError:
        raise HeaderError from None
    ports = [int(line[number]) for number in (4, 5)]
    if any(side.version != int(line[1]) for side in sides) or max(ports) > 65535:
        raise HeaderError
    return end + 2, (str(sides[0]), ports[0])


def _read_v2(data: bytes) -> tuple[int, Address | None] | None:
    if len(data) < 16:
        return None
    command, family, length = struct.unpack_from("!BBH", data, 12)
    layout = _TCP.get(family)
    is_usable = command == _LOCAL or (command == _PROXY and (layout is not None or family == _UNSPECIFIED))
    if not is_usable or 16 + length > V2_MAX_BYTES:
        raise HeaderError
    if len(data) < 16 + length:
        return None
    if command == _LOCAL or layout is None:
        return 16 + length, None
    if length < layout.size:
        raise HeaderError
    source, _, port, _ = layout.unpack_from(data, 16)
    return 16 + length, (str(ipaddress.ip_address(source)), port)


class ProxiedLines(LineConnection):
    """Lines of a client behind a proxy: limits per address use the client's address."""

    __slots__ = ("_client_address",)

    def __init__(self, host: Host, protocol: LineProtocol, address: Address) -> None:
        super().__init__(host, protocol)
        self._client_address = address

    def _peer_of(self, transport: Any) -> Address:
        del transport
        return self._client_address


class ProxyGate(BoundedConnection):
    """The beginning of a connection to a line port with proxies; a LineConnection takes over afterwards."""

    __slots__ = ("_early", "_protocol", "_proxies")

    def __init__(self, host: Host, protocol: LineProtocol, proxies: Sequence[Network]) -> None:
        super().__init__(host)
        self._proxies = proxies
        self._protocol = protocol
        self._early = b""

    def connection_made(self, transport: Any) -> None:
        """Wait for a proxy's header; other clients send lines immediately."""
        peer = transport.get_extra_info("peername") or ("", 0)
        self._transport = transport
        if not trusts(self._proxies, peer[0]):
            self._hand_over(LineConnection(self.host, self._protocol))
            return
        self._attach(transport)
        if self._take_place(self.place) > 0:
            transport.abort()
            return
        self._set_deadline(time.monotonic() + HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Read the header; later data is the client's."""
        self._early += data
        try:
            found = read_header(self._early)
        except HeaderError:
            log.warning("a connection to the tcp port from a proxy (CHAT_TCP_PROXY_PROTOCOL) began without its header")
            self._transport.abort()
            return
        if found is None:
            return
        length, address = found
        self._leave()
        if address is None:
            connection = LineConnection(self.host, self._protocol)
        else:
            connection = ProxiedLines(self.host, self._protocol, address)
        rest = self._early[length:]
        self._hand_over(connection)
        if rest:
            connection.data_received(rest)

    def _hand_over(self, connection: LineConnection) -> None:
        transport, self._transport = self._transport, None
        transport.set_protocol(connection)
        connection.connection_made(transport)
