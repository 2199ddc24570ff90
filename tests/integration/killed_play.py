"""A run that is killed while servers of all kinds are up: see test_leftovers.py."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from tests import postgresql
from tests.real_server import Server
from tests.redis import PrivateRedis


def test_a_run_that_is_killed(server: Callable[..., Server]) -> None:
    forked, fresh = server(workers=2), server(fresh=True)
    pids = {each.pid for each in (forked, fresh)} | {*forked.worker_pids(), *fresh.worker_pids()}
    redis = PrivateRedis()
    postmaster = Path(os.environ[postgresql.FOLDER], "data", "postmaster.pid").read_text().split()[0]
    told = Path(os.environ["COMMONROOM_TOLD"])
    told.with_suffix(".new").write_text(json.dumps([*pids, redis.pid, int(postmaster)]))
    told.with_suffix(".new").rename(told)
    time.sleep(100)
