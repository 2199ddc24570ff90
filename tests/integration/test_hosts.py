"""A part of the play of several hosts (hosts_play.py), in a network of its own.

Interfaces that come and go in the machine's network would break the connections of browsers in other tests.
"""

import subprocess
import sys

import pytest

from tests.hosts import ISOLATED, why_not
from tests.real_server import ROOT

reason = why_not()


@pytest.mark.skipif(bool(reason), reason=reason)
@pytest.mark.timeout(300)
def test_clients_of_five_protocols_meet_over_two_hosts() -> None:
    play = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "tests/integration/hosts_play.py",
    ]
    done = subprocess.run(
        [*ISOLATED, *play, "-k", "five_protocols"], cwd=ROOT, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
