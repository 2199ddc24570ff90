"""The PROXY protocol's header: what counts as one, by the byte."""

import ipaddress
import struct

import pytest

from chat.server.proxy_protocol import V1_MAX_BYTES, V2_MAX_BYTES, HeaderError, read_header, trusts

V2 = b"\r\n\r\n\0\r\nQUIT\n"
FOUR = ipaddress.ip_address("192.0.2.7").packed * 2 + struct.pack("!HH", 40000, 8888)
SIX = ipaddress.ip_address("2001:db8::7").packed * 2 + struct.pack("!HH", 40000, 8888)
HEADERS = {
    b"PROXY TCP4 192.0.2.7 10.0.0.1 40000 8888\r\n": ("192.0.2.7", 40000),
    b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n": ("255.255.255.255", 65535),
    b"PROXY TCP6 2001:db8::7 ::1 0 8888\r\n": ("2001:db8::7", 0),
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN " + b"f" * 80 + b"\r\n": None,
    V2 + b"\x21\x11" + struct.pack("!H", 12) + FOUR: ("192.0.2.7", 40000),
    V2 + b"\x21\x21" + struct.pack("!H", 36) + SIX: ("2001:db8::7", 40000),
    V2 + b"\x21\x11" + struct.pack("!H", 20) + FOUR + b"\x04\0\5hello": ("192.0.2.7", 40000),
    V2 + b"\x20\0\0\0": None,
    V2 + b"\x20\x11\0\x0c" + FOUR: None,
    V2 + b"\x21\0\0\0": None,
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_gives_the_clients_address(header: bytes) -> None:
    assert read_header(header) == (len(header), HEADERS[header])
    assert read_header(header + b"a line\n") == (len(header), HEADERS[header])


@pytest.mark.parametrize("header", HEADERS)
def test_part_of_one_is_waited_for(header: bytes) -> None:
    assert [read_header(header[:end]) for end in range(len(header))] == [None] * len(header)


@pytest.mark.parametrize(
    "data",
    [
        b"x", b"PROXY\r\n", b"proxy TCP4 192.0.2.7 10.0.0.1 1 2\r\n", b"PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2 \r\n", b"PROXY TCP4  192.0.2.7 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\n", b"PROXY TCP4 192.0.2.256 10.0.0.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.07 10.0.0.1 1 2\r\n", b"PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n", b"PROXY TCP4 192.0.2.7 10.0.0.1 01 2\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 -1 2\r\n", b"PROXY TCP4 192.0.2.7 10.0.0.1 65536 2\r\n",
        b"PROXY TCP5 192.0.2.7 10.0.0.1 1 2\r\n", b"PROXY UNKNOWNS\r\n", b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY " + b"x" * (V1_MAX_BYTES - 6),
        V2[:-1] + b"\r", V2 + b"\x11\x11\0\x0c" + FOUR, V2 + b"\x22\x11\0\x0c" + FOUR,
        V2 + b"\x21\x12\0\x0c" + FOUR, V2 + b"\x21\x31\0\xd8" + b"/" * 216,
        V2 + b"\x21\x11\0\x0b" + FOUR, V2 + b"\x21\x21\0\x0c" + FOUR,
        V2 + b"\x21\x11" + struct.pack("!H", V2_MAX_BYTES - 15),
    ],
)  # fmt: skip
def test_anything_else_is_invalid(data: bytes) -> None:
    with pytest.raises(HeaderError):
        read_header(data)


def test_a_proxy_is_known_by_its_address_also_where_ipv4_is_mapped() -> None:
    proxies = (ipaddress.ip_network("127.0.0.1"), ipaddress.ip_network("10.0.0.0/24"), ipaddress.ip_network("fd00::/8"))
    assert all(trusts(proxies, address) for address in ("127.0.0.1", "::ffff:127.0.0.1", "10.0.0.77", "fd00::1%2"))
    assert not any(trusts(proxies, address) for address in ("127.0.0.2", "::1", "10.0.1.1", "", "somewhere"))
