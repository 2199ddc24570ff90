"""Check 7: Redis frozen, killed, and behind a cut link, while people chat over two servers."""

import time
from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.crowd import Crowd
from tests.real_server import Server, wait_until
from tests.redis import PrivateRedis
from tests.relay import Relay
from tests.server.test_metrics import figures

pytestmark = [pytest.mark.postgresql_only, pytest.mark.acceptance(7)]
AWAY_SECONDS = 10.0


class Redis:
    """A Redis behind a link, and the ways in which it goes away and comes back."""

    def __init__(self) -> None:
        self._server = PrivateRedis()
        self._relay = Relay(self._server.url.removeprefix("unix://"))
        self.url = f"redis://127.0.0.1:{self._relay.port}/0"
        self.faults: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
            "frozen": (self._server.pause, self._server.go_on),
            "killed": (self._server.kill, self._server.start),
            "cut": (self._relay.swallow, self._relay.pass_on),
        }

    def stop(self) -> None:
        self._relay.stop()
        self._server.stop()


@pytest.fixture
def shared() -> Iterator[Redis]:
    made = Redis()
    yield made
    made.stop()


def test_chat_goes_on_while_redis_is_away(
    server: Callable[..., Server], shared: Redis, figure: Callable[[str], None]
) -> None:
    servers = [server(REDIS_URL=shared.url, CHAT_METRICS="on") for _ in range(2)]

    def hear() -> bool:
        return all(figures(each)["redis_up"] == 1 for each in servers)

    wait_until(hear, "hints go through Redis")
    crowd = Crowd(servers)
    try:
        crowd.goes_on("with Redis")
        for name, (goes, comes) in shared.faults.items():
            goes()
            time.sleep(AWAY_SECONDS)
            comes()
            began = time.monotonic()
            wait_until(hear, f"hints are back after it was {name}")
            back = time.monotonic() - began
            figure(f"{name} for {AWAY_SECONDS:g} s: hints back after {back:.1f} s")
            assert back <= 6
            crowd.goes_on(f"after Redis was {name}")
    finally:
        crowd.end()
    slowest = max(answer.seconds for answer in crowd.sends)
    figure(f"{len(crowd.sends)} sends, slowest {slowest * 1000:.0f} ms; latest message {crowd.latest():.2f} s")
    assert {answer.status for answer in crowd.sends} == {200}
    assert slowest <= 0.5
    assert crowd.latest() <= 5.5
    assert not any(each.was_closed for each in crowd.sockets)
