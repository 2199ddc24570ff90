"""The workers of two hosts are upgraded one by one from the last release while people talk: a part of `make hosts`."""

from pathlib import Path

import pytest

from tests.hosts import laid_out, last_release
from tests.integration.talking import Talk, both_answer
from tests.real_server import ROOT, wait_until

pytestmark = [pytest.mark.timeout(600), pytest.mark.acceptance(9)]


def test_an_upgrade_from_the_last_release_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    code = last_release(tmp_path)
    if code is None:
        pytest.skip("the last release is not in this clone's history")
    with laid_out(code) as hosts:
        wait_until(lambda: both_answer(hosts), f"both hosts answer\n{hosts.log()}", timeout=90)
        talk = Talk(hosts, "upgrade")
        try:
            talk.goes_on("on the last release")
            for host in list(hosts.servers):
                hosts.upgrade_server(host, ROOT)
                wait_until(lambda: both_answer(hosts), "both answer", timeout=60)
                talk.goes_on(f"after the upgrade of {host}")
        finally:
            talk.end()
