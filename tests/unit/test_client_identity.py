"""The client of a request for turns, determined from its head alone."""

import jwt
import pytest

from chat.security.tokens import Purpose, user_named
from chat.server.client_identity import Clients, limited_address

SECRET = "a secret of more than thirty-two bytes"


def token(user_id: int, secret: str = SECRET, purpose: str = Purpose.SESSION) -> str:
    return jwt.encode({"sub": str(user_id), "purpose": purpose, "ref": "x", "exp": 1}, secret, algorithm="HS256")


def clients(proxies: int = 0) -> Clients:
    return Clients(lambda text: user_named(text, SECRET), proxies)


def head(*lines: str) -> bytes:
    return "\r\n".join(["POST / HTTP/1.1", "Host: x", *lines, "", ""]).encode()


GOOD, FORGED = token(7), token(7, "another secret of more than thirty-two")


@pytest.mark.parametrize(
    "lines",
    [
        (f"Authorization: {GOOD}",),
        (f"authorization:Bearer {GOOD}",),
        (f"Cookie: session={GOOD}",),
        (f"Cookie: theme=dark; other={FORGED}; session={GOOD}",),
        ("Cookie: theme=dark", f"Cookie: session={GOOD}"),
    ],
)
def test_a_signed_token_is_its_users(lines: tuple[str, ...]) -> None:
    assert clients().of_request(head(*lines), "192.0.2.1") == 7


@pytest.mark.parametrize("made_up", ["", "a.b.c", FORGED, token(7, purpose="other"), GOOD[:-2], "Bearer"])
def test_tokens_without_a_valid_signature_count_by_address(made_up: str) -> None:
    request = head(f"Authorization: {made_up}", f"Cookie: a={made_up}")
    assert clients().of_request(request, "192.0.2.1") == "192.0.2.1"


def test_only_so_many_addresses_are_believed_as_there_are_proxies() -> None:
    request = head("X-Forwarded-For: 203.0.113.9, 198.51.100.2", "X-Forwarded-For: 198.51.100.3")
    assert clients().of_request(request, "192.0.2.1") == "192.0.2.1"
    assert clients(1).of_request(request, "192.0.2.1") == "198.51.100.3"
    assert clients(2).of_request(request, "192.0.2.1") == "198.51.100.2"
    assert clients(4).of_request(request, "192.0.2.1") == "192.0.2.1"


def test_a_subscriber_of_ipv6_is_one_address() -> None:
    assert limited_address("2001:db8::1") == limited_address("2001:db8::ffff:1")
    assert limited_address("::ffff:192.0.2.1") == "192.0.2.1"


def test_a_port_that_a_proxy_adds_makes_no_other_client() -> None:
    assert limited_address("192.0.2.1:4711") == limited_address("[::ffff:192.0.2.1]:4711") == "192.0.2.1"
    assert limited_address("[2001:db8::1]:4711") == limited_address("[2001:db8::2]") == limited_address("2001:db8::1")
