"""The faster cases of `make conformance`, HTTP's and the Autobahn suite's, unencrypted and over TLS."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance import http, sockets
from tests.raw import token_of
from tests.real_server import Server, certificate
from tests.server.tls import TlsServer


@pytest.fixture(params=["clear", "tls"])
def echoing(request: pytest.FixtureRequest, home: Path) -> Iterator[Server]:
    if request.param == "tls" and shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate")
    is_tls = request.param == "tls"
    server = TlsServer(home, *certificate(home)) if is_tls else Server(home, app="tests.server.socket_app:create()")
    try:
        server.start()
        yield server
    finally:
        server.kill()


def test_published_rules_are_kept(echoing: Server) -> None:
    """One server for all of them, as in `make conformance`."""
    asked = list(http.run(http.opener(echoing), http.furnish(echoing)))
    assert [(one.case.section, one.case.about, one.fault) for one in asked if one.fault] == []
    assert len(asked) > 250
    outcomes = list(sockets.run(sockets.opener(echoing, token_of(echoing, "alice"))))
    failed = [(one.case.number, one.case.about, one.remark) for one in outcomes if one.result is sockets.Result.FAIL]
    assert failed == []
    assert len(outcomes) == 301
    log = echoing.log.read_text()
    assert "Traceback" not in log
    assert "eof_received" not in log
