"""Codes by mail, where the mail server is of no help."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from chat.errors import ChatError, ErrorCode
from chat.services import Services


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A mail server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        yield listener


def test_a_mail_server_that_hangs_keeps_two_requests_and_no_more(
    make_services: Callable[..., Services], silent: socket.socket
) -> None:
    verification = make_services(smtp_url=f"smtp://127.0.0.1:{silent.getsockname()[1]}").email_codes
    refused: list[ErrorCode] = []

    def ask(name: str) -> None:
        with pytest.raises(ChatError) as caught:
            verification.send_code(f"{name}@example.com", "192.0.2.1")
        refused.append(caught.value.code)

    waiting = [threading.Thread(target=ask, args=(name,)) for name in ("one", "two")]
    connections = []
    for thread in waiting:
        thread.start()
        connections.append(silent.accept()[0])
    for number in range(10):
        ask(f"more{number}")
    assert refused == [ErrorCode.MAIL_NOT_SENT] * 10  # while both of the others are still waiting
    assert all(thread.is_alive() for thread in waiting)
    for connection in connections:
        connection.close()
    for thread in waiting:
        thread.join(10)
    assert refused == [ErrorCode.MAIL_NOT_SENT] * 12
    ask_again = threading.Thread(target=ask, args=("later",))
    ask_again.start()
    silent.accept()[0].close()  # the places are free again
    ask_again.join(10)
    assert refused == [ErrorCode.MAIL_NOT_SENT] * 13
