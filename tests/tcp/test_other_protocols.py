"""Data that any page can make browsers send to any port is neither obeyed nor answered."""

import contextlib
import json
import socket
from collections.abc import Callable

import pytest

from tests.contract.tcp_client import Lines
from tests.real_server import Server

Connect = Callable[..., Lines]
REGISTER = json.dumps({"message_type": "register_request", "username": "from a page", "password": "secret1"}).encode()
POST = b"POST / HTTP/1.1\r\nHost: chat:8888\r\nContent-Type: text/plain\r\n\r\n" + REGISTER + b"\n"
TLS_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


def said_to(server: Server, *packets: bytes) -> bytes:
    """All that is answered, until the server closes."""
    with socket.create_connection(("127.0.0.1", server.tcp_port), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for packet in packets:
                connection.sendall(packet)
        answered = b""
        with contextlib.suppress(ConnectionResetError):
            while data := connection.recv(65536):
                answered += data
        return answered


@pytest.mark.parametrize(
    "packets",
    [
        (POST,),
        (b"\r\n \n" + POST,),
        (b"POST / HT", b"TP/1.1\r\n", POST),
        tuple(bytes([byte]) for byte in POST),
        (b"GET /" + b"x" * 8000 + b" HTTP/1.1\r\n" + REGISTER + b"\n",),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + REGISTER + b"\n",),
        (TLS_HELLO,),
        (b"\x16", TLS_HELLO[1:]),
        (TLS_HELLO + b"\n" + REGISTER + b"\n",),
    ],
    ids=["POST", "after blank lines", "split", "by bytes", "long", "HTTP/2", "TLS", "TLS split", "TLS with a line"],
)
def test_http_and_tls_end_the_connection_without_a_word(
    live: Server, connect: Connect, packets: tuple[bytes, ...]
) -> None:
    assert said_to(live, *packets) == b""
    answer = connect().ask("login_request", username="from a page", password="secret1")
    assert answer["success"] is False, "nothing was obeyed"


@pytest.mark.parametrize("line", [b"hello", b"GET it", b"POST / HTTP", b'"POST / HTTP/1.1"', b"get / HTTP/1.1"])
def test_other_junk_is_told_and_may_stay(connect: Connect, line: bytes) -> None:
    client = connect()
    client.raw(line + b"\n")
    assert client.next()["error_code"] == 1008
    assert client.ask("heartbeat")["message_type"] == "heartbeat"


def test_a_later_line_may_look_like_a_request(connect: Connect) -> None:
    client = connect("alice")
    client.raw(b"GET / HTTP/1.1\n")
    assert client.next()["error_code"] == 1008
    assert client.ask("heartbeat")["message_type"] == "heartbeat"
