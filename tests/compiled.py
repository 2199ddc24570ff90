"""Compiled test modules, with pytest's rewritten assertions. On a new clone pytest's workers share making them."""

from itertools import islice
from pathlib import Path

import pytest
from _pytest.assertion import rewrite

ROOT = Path(__file__).parent


def compile_share(config: pytest.Config) -> None:
    """Compile every n-th module, if this is one of n workers: each imports all, and compiling takes longer."""
    about = getattr(config, "workerinput", None)
    if about is None:
        return
    number = int(about["workerid"].removeprefix("gw"))
    state = config.stash[rewrite.assertstate_key]
    for path in islice(sorted(ROOT.rglob("test_*.py")), number, None, about["workercount"]):
        compiled = rewrite.get_cache_dir(path) / f"{path.stem}{rewrite.PYC_TAIL}"
        if not compiled.exists() and rewrite.try_makedirs(compiled.parent):
            source_hash, code = rewrite._rewrite_test(path, config)
            rewrite._write_pyc(state, code, source_hash, compiled)
