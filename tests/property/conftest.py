"""How many examples are tried."""

import pytest


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> int:
    """How many times as many as usual: `make property` tries more."""
    return int(request.config.getoption("examples"))
