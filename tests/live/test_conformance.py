"""The cases of `make conformance` that take seconds: those of the Autobahn suite, by ws and by wss."""

import shutil
from pathlib import Path

import pytest

from conformance import sockets
from tests.integration.raw import token_of
from tests.live.tls import TlsServer
from tests.server import Server, certificate


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_the_autobahn_suite_finds_no_fault(home: Path, scheme: str) -> None:
    if scheme == "wss" and shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate")
    server = (
        TlsServer(home, *certificate(home)) if scheme == "wss" else Server(home, app="tests.live.socket_app:create()")
    )
    try:
        server.start()
        outcomes = list(sockets.run(sockets.opener(server, token_of(server, "alice"))))
        failed = [
            (one.case.number, one.case.about, one.remark) for one in outcomes if one.result is sockets.Result.FAIL
        ]
        assert failed == []
        assert len(outcomes) == 301
        log = server.log.read_text()
        assert "Traceback" not in log
        assert "eof_received" not in log
    finally:
        server.kill()
