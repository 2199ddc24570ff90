"""REDIS_URL and the rights of its user, as the start checks them."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import ResponseError

from chat.security.limits import FAILED_LOGINS_BY_ADDRESS
from chat.services import Services
from chat.services.messages import Draft
from config import Settings
from instance import check
from setting_parsers import ConfigError
from tests.conftest import settings_at, sign_up
from tests.real_server import ROOT, free_port, wait_until
from tests.redis import PrivateRedis
from tests.unit.redis.conftest import ADDRESS, hear_itself, hints_of, online


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("localhost:6379", "give redis://"),
        ("http://localhost", "give redis://"),
        ("redis://", "give redis://"),
        ("redis://localhost/chat", "database's number"),
        ("redis://localhost:70000", "give redis://"),
        ("unix://", "give redis://"),
    ],
)
def test_a_wrong_url_is_refused(url: str, why: str) -> None:
    with pytest.raises(ConfigError, match=r"REDIS_URL=.*: .*" + why):
        Settings.from_environ({"REDIS_URL": url})


def test_a_redis_that_asks_for_a_password_is_told_at_the_start(home: Path) -> None:
    server = PrivateRedis("--requirepass", "right-1")
    try:
        for url in (server.url, server.url.replace("unix://", "unix://:wrong-1@")):
            with pytest.raises(ConfigError, match=r"REDIS_URL=.*asks for a password") as caught:
                check(settings_at(home, redis_url=url))
            assert "wrong-1" not in str(caught.value)
        check(settings_at(home, redis_url=server.url.replace("unix://", "unix://:right-1@")))
    finally:
        server.stop()


def test_a_password_that_redis_does_not_have_is_told_at_the_start(server: PrivateRedis, home: Path) -> None:
    with pytest.raises(ConfigError, match=r"REDIS_URL=.*has no password; leave it out$") as caught:
        check(settings_at(home, redis_url=server.url.replace("unix://", "unix://:wrong-1@")))
    assert "wrong-1" not in str(caught.value)


def test_a_redis_of_a_cluster_is_refused_at_the_start(home: Path) -> None:
    """Its commands are refused for most keys, and go to other servers."""
    port = free_port()
    server = PrivateRedis("--port", str(port), "--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    try:
        with pytest.raises(ConfigError, match=r"REDIS_URL=.*Redis as a cluster; give a single server's URL$"):
            check(settings_at(home, redis_url=server.url))
    finally:
        server.stop()


def fill_memory(server: PrivateRedis) -> None:
    with server.client() as redis:
        redis.config_set("maxmemory", 1)


def fill_disk(server: PrivateRedis) -> None:
    """Have it fail to save what it has, after which it takes no writes."""
    server.folder.chmod(0o555)
    with server.client() as redis:
        redis.config_set("save", "3600 1")
        redis.bgsave()
        wait_until(lambda: redis.info("persistence")["rdb_last_bgsave_status"] == "err", "it cannot save")


@pytest.mark.parametrize("fill", [fill_memory, fill_disk])
def test_a_redis_that_takes_no_writes_stops_no_start(
    server: PrivateRedis, home: Path, caplog: pytest.LogCaptureFixture, fill: Callable[[PrivateRedis], None]
) -> None:
    """The chat goes on without it."""
    fill(server)
    with server.client() as redis, pytest.raises(ResponseError):
        redis.set("x", "y")
    check(settings_at(home, redis_url=server.url))
    (line,) = [record.getMessage() for record in caplog.records]
    assert "The server goes on without" in line


def allow(server: PrivateRedis, without: str = "") -> str:
    """Make the user of docs/redis.md, less one right. Returns its URL."""
    (line,) = [line for line in (ROOT / "docs/redis.md").read_text().splitlines() if line.startswith("ACL SETUSER")]
    words = [word for word in shlex.split(line) if word != without]
    with server.client() as redis:
        redis.execute_command("ACL", "DELUSER", "commonroom")
        redis.execute_command(*words)
    return server.url.replace("unix://", "unix://commonroom:PASSWORD@")


def test_the_documented_user_may_do_all_that_the_chat_does(
    server: PrivateRedis, make_services: Callable[..., Services]
) -> None:
    url = allow(server)
    one, other = (make_services(redis_url=f"{url}?db=1") for _ in range(2))
    one.limits.hold_over_workers()
    for services in (one, other):
        hear_itself(services)
    wait_until(lambda: hints_of(one).has_others, "they know each other")
    alice = sign_up(one, "alice")
    one.messages.send(alice, "public", Draft(text="x"))
    for _ in range(3):
        one.accounts.log_in("alice", "secret1", ADDRESS)
    undo = one.limits.take_each([(FAILED_LOGINS_BY_ADDRESS, ADDRESS, 900)])
    assert not other.limits.is_full(FAILED_LOGINS_BY_ADDRESS, ADDRESS)
    undo()
    one.presence.flush()
    assert online(other)
    one.sessions.close(alice)
    one.presence.flush()
    with server.client() as redis:
        assert redis.acl_log() == [], "what was refused"
        assert not [key for key in redis.scan_iter() if not key.startswith("commonroom:")]


@pytest.mark.parametrize("right", ["+info", "+pubsub|numsub", "+publish", "+script|load", "~commonroom:*"])
def test_a_user_without_a_right_is_told_at_the_start(server: PrivateRedis, home: Path, right: str) -> None:
    with pytest.raises(ConfigError, match=r"REDIS_URL=.*([Nn]o permissions|NOPERM)"):
        check(settings_at(home, redis_url=allow(server, without=right)))
    check(settings_at(home, redis_url=allow(server)))


def test_other_faults_of_redis_at_the_start(server: PrivateRedis, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError, match="DB index is out of range"):
        check(settings_at(home, redis_url=f"{server.url}?db=99"))
    server.kill()
    check(settings_at(home, redis_url=server.url))
    assert "goes on without" in caplog.text
