"""Check 1: nothing that the tests started outlives them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real_server import ROOT, lives, wait_until


@pytest.mark.postgresql_only
@pytest.mark.acceptance(1)
def test_no_server_outlives_a_run_that_is_killed(tmp_path: Path, database: str, home: Path) -> None:
    told = tmp_path / "pids"
    options = ["-q", "-n", "1", "-p", "no:cacheprovider", "--database", database, f"--basetemp={tmp_path / 'run'}"]
    command = [sys.executable, "-m", "pytest", *options, "tests/integration/killed_play.py"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with subprocess.Popen(
        command, cwd=ROOT, env={**environment, "COMMONROOM_TOLD": str(told)}, stdout=subprocess.DEVNULL
    ) as run:
        wait_until(lambda: told.exists() or run.poll() is not None, "the servers run", timeout=90)
        run.kill()
    pids = json.loads(told.read_text())
    assert len(pids) == 7
    # pytest's worker notices late that its controller has gone, and on a busy machine ends as slowly as it began.
    wait_until(lambda: not any(map(lives, pids)), "all have ended", timeout=60)
