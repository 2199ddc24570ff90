import io
import os
import re
import stat
from dataclasses import fields
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import make_url

import startup
from chat.backends.postgresql.engine import parameters
from config import Settings, kept_secret
from instance import prepare
from setting_parsers import LIBPQ_NUMBERS, PARSERS, ConfigError, env_name, without_password
from startup import _qr_lines, can_draw, greeting, reachable
from tests.conftest import run_in_threads
from tests.real_server import ROOT

GOOD_SECRET = "abcdefghijklmnopqrstuvwxyz0123456789"


def test_defaults() -> None:
    settings = Settings.from_environ({})
    assert settings == Settings()
    assert settings.database_uri.startswith("sqlite:///")


def test_every_setting_has_a_parser_and_a_line_in_both_readmes() -> None:
    names = {env_name(field.name) for field in fields(Settings)}
    assert set(PARSERS) == {field.name for field in fields(Settings)}
    for readme in ("README.md", "README.zh-CN.md"):
        listed = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / readme).read_text(encoding="utf-8"), re.MULTILINE))
        assert listed == names | {"WEB_CONCURRENCY"}, readme


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"), ("PORT", "0"), ("PORT", "70000"), ("PORT", "1_0"), ("PORT", "٨٠٠٠"), ("PORT", "８０００"),
        ("CHAT_PRESENCE_SECONDS", "6_0"), ("CHAT_RATE_LIMITS", "maybe"), ("CHAT_PULL_TIMEOUT", "51"),
        ("CHAT_CORS_ORIGINS", "front.example"), ("CHAT_CORS_ORIGINS", "https://a.b/x"), ("CHAT_CORS_ORIGINS", "*"),
        ("CHAT_TCP_PROXY_PROTOCOL", "on"), ("CHAT_TCP_PROXY_PROTOCOL", "10.0.0.1/24"),
        ("CHAT_TRUSTED_PROXIES", "-1"), ("CHAT_SQLITE_SYNCHRONOUS", "OFF"), ("CHAT_PASSWORD_MIN_LENGTH", "nan"),
        ("DATABASE_URL", "sqlite://"), ("DATABASE_URL", "sqlite:///:memory:"), ("DATABASE_URL", "mysql://x/y"),
        ("CHAT_TIMEZONE", "Mars/Olympus"), ("CHAT_TIMEZONE", "Asia"), ("CHAT_TIMEZONE", "../etc/passwd"),
        ("CHAT_TIMEZONE", "+08:00"),
        ("DATABASE_URL", "sqlite:////srv/q?z.db"), ("DATABASE_URL", "sqlite:////srv/q%3Fz.db"),
        ("CHAT_INSTANCE_PATH", "/srv/q?"), ("WEB_CONCURRENCY", ""),
        ("WEB_CONCURRENCY", "two"), ("WEB_CONCURRENCY", "0"), ("CHAT_HOST", "999.1.1.1"), ("CHAT_HOST", "http://x"),
        ("CHAT_HOST", "a..b"), ("CHAT_HOST", "y" * 64),
        ("CHAT_CORS_ORIGINS", "http://"), ("CHAT_CORS_ORIGINS", "http://me@x"), ("CHAT_CORS_ORIGINS", "http://x:99999"),
        ("CHAT_CORS_ORIGINS", "http://*.x"), ("CHAT_CORS_ORIGINS", "http://x?y"), ("CHAT_CORS_ORIGINS", "http://x#y"),
        ("CHAT_INSTANCE_PATH", "~no such user/x"),
        ("CHAT_SMTP_URL", "smtp://x:0"), ("CHAT_SMTP_URL", "smtp://x:99999"),
        ("CHAT_HOST", "[::"), ("CHAT_LOBY", "x"), ("CHAT_PORT", "8000"), ("CHAT_", ""), ("CHAT_lobby", "x"),
        ("SECRET_KEY", "secret"), ("SECRET_KEY", "x" * 64), ("SECRET_KEY", "0123456789abcdef"),
    ],
)  # fmt: skip
def test_a_wrong_setting_stops_the_start_and_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.from_environ({name: value})


@pytest.mark.parametrize("place", ["x:y", "x:0", "x:99999", "[x", "[::zz]", "[zz]:1", "x]:1", "a..b", "x." + "y" * 64])
@pytest.mark.parametrize(
    ("name", "scheme"), [("CHAT_SMTP_URL", "smtp"), ("CHAT_CORS_ORIGINS", "http"), ("REDIS_URL", "redis")]
)
def test_a_url_with_an_impossible_host_or_port_is_told_the_right_form(name: str, scheme: str, place: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}=.*: give {scheme}://|: give origins such as https://"):
        Settings.from_environ({name: f"{scheme}://{place}"})


@pytest.mark.parametrize("name", sorted(env_name(field.name) for field in fields(Settings)))
def test_a_setting_that_is_not_utf_8_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: this is not UTF-8$"):
        Settings.from_environ({name: os.fsdecode(b"a\xff" * 40)})


@pytest.mark.parametrize("end", ["%0A", "%0D%0A", "%C2%85", "%E2%80%A8"])
def test_a_path_of_several_lines_is_told_in_one(tmp_path: Path, end: str) -> None:
    settings = Settings.from_environ(
        {"CHAT_INSTANCE_PATH": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/no{end}folder/chat.db"}
    )
    with pytest.raises(ConfigError) as told:
        prepare(settings)
    assert str(told.value).endswith(f"there is no folder {tmp_path}/no folder")


def test_bounds_are_written_out() -> None:
    with pytest.raises(ConfigError, match=r"give a number from 1024 to 268435456$"):
        Settings.from_environ({"CHAT_BODY_MAX_BYTES": "1"})


def test_on_postgresql_a_key_must_be_given() -> None:
    url = "postgresql://chat@a.example,b.example:5433/chat?target_session_attrs=read-write"
    with pytest.raises(ConfigError, match=r"all hosts need the same one.*python3 -c"):
        Settings.from_environ({"DATABASE_URL": url})
    given = Settings.from_environ({"DATABASE_URL": url, "SECRET_KEY": GOOD_SECRET})
    assert given.postgresql_url == url
    assert parameters(url)["host"] == "a.example,b.example"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://chat:pass-1@a,b/chat", "postgresql://chat:…@a,b/chat"),
        ("postgresql:///chat?host=a&password=pass-1&port=1", "postgresql:///chat?host=a&password=…&port=1"),
        ("redis://:pass-1@host/0", "redis://:…@host/0"),
        ("unix:///run/redis?password=pass-1", "unix:///run/redis?password=…"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("postgresql://chat@a,b:5433/chat", "postgresql://chat@a,b:5433/chat"),
        ("redis://me:pa/ss@1@host/0", "redis://me:…@host/0"),
        ("postgresql://me:pass 1@host/chat?password=p@ss", "postgresql://me:…@host/chat?password=…"),
        ("me:pass-1@host/chat", "me:…@host/chat"),
        ("postgres//chat:pass-1@host/chat", "postgres//chat:…@host/chat"),
        ("postgresql:/chat:pass-1@host/chat", "postgresql:…@host/chat"),
        ("postgresql://ch/at:pass-1@host/chat", "postgresql://ch/at:…@host/chat"),
        ("postgresql://me@tenant:pass-1@host/chat", "postgresql://me@tenant:…@host/chat"),
        (" postgres//chat:pass-1@host/chat", " postgres//chat:…@host/chat"),
        ("host=db user=me password=pass-1 dbname=chat", "host=db user=me password=… dbname=chat"),
        ("host=db password = 'pass 1' user=me", "host=db password = … user=me"),
        ("postgresql://host/chat?passwd=pass-1&x=1", "postgresql://host/chat?passwd=…&x=1"),
        ("redis://pass-1@host/0", "redis://…@host/0"),
        ("postgresql://me:pass-1", "postgresql://me:…"),
        ("postgresql://me:pass-1%40host:5432/chat", "postgresql://me:…/chat"),
        ("postgresql://a:5432,[::1]:5433/chat", "postgresql://a:5432,[::1]:5433/chat"),
    ],
)
def test_passwords_of_urls_are_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql://u:pass-1%zz@x/chat"),
        ("DATABASE_URL", "postgresql://u:pass-1 2@x/chat"),
        ("DATABASE_URL", "postgresql://u:pass-1@[::1/chat"),
        ("DATABASE_URL", "postgresql://u:pass-1@x/chat?passwd=y"),
        ("DATABASE_URL", "postgresql://u:pass-1@x:0/chat"),
        ("DATABASE_URL", "postgresql://u:p@pass-1@x/chat"),
        ("DATABASE_URL", "postgresql://u:pass-1@x,a..b/chat"),
        ("DATABASE_URL", f"postgresql://u:pass-1@{'y' * 64}/chat"),
        ("DATABASE_URL", "postgresql://u:pass-1@x:99999/chat"),
        ("DATABASE_URL", "postgresql://u:pass-1@x:5432,y:port/chat"),
        ("DATABASE_URL", "postgresql://u:pass-1@x/chat?port=+5432"),
        *(("DATABASE_URL", f"postgresql://u:pass-1@x/chat?{name}=1.5") for name in LIBPQ_NUMBERS),
        ("REDIS_URL", "redis://:pass-1@x/0?socket_timeout=soon"),
        ("REDIS_URL", "redis://:pass-1@x/0?no_such=1"),
        ("REDIS_URL", "rediss://:pass-1@x/0?ssl_cert_reqs=maybe"),
    ],
)
def test_a_url_that_its_library_cannot_read_is_told_the_right_form(name: str, url: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}=.*: give ") as caught:
        Settings.from_environ({name: url, "SECRET_KEY": GOOD_SECRET})
    assert "pass-1" not in str(caught.value)


@pytest.mark.parametrize("place", ["x:5432", "x", "x,y:5433", "x:1,y:65535", "[::1]:5432", ""])
def test_ports_and_numbers_that_there_can_be(place: str) -> None:
    url = f"postgresql://u@{place}/chat?connect_timeout=3&keepalives=0&tcp_user_timeout=-1"
    assert Settings.from_environ({"DATABASE_URL": url, "SECRET_KEY": GOOD_SECRET}).postgresql_url == url


def test_settings_are_read() -> None:
    settings = Settings.from_environ(
        {
            "PORT": "9000",
            "CHAT_LOBBY": "",
            "CHAT_RATE_LIMITS": "off",
            "CHAT_TIMEZONE": "Asia/Shanghai",
            "CHAT_CORS_ORIGINS": "https://A.example/, http://b.example:3000",
            "DATABASE_URL": "sqlite:////srv/chat.db",
            "SECRET_KEY": GOOD_SECRET,
        }
    )
    assert (settings.port, settings.lobby, settings.rate_limits) == (9000, "", False)
    assert (settings.zone, Settings().zone) == (ZoneInfo("Asia/Shanghai"), None)
    assert settings.cors_origins == ("https://a.example", "http://b.example:3000")
    assert settings.database_uri == "sqlite:////srv/chat.db"
    assert settings.secret() == GOOD_SECRET


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("http://Front.example:80/", "http://front.example"), ("https://front.example:443", "https://front.example"),
        ("https://front.example:80", "https://front.example:80"), ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)  # fmt: skip
def test_other_origins_are_compared_as_browsers_send_them(given: str, sent: str) -> None:
    assert Settings.from_environ({"CHAT_CORS_ORIGINS": given}).cors_origins == (sent,)


@pytest.mark.parametrize("folder", ["/srv/50%20", "/srv/100%", "/srv/a#b c", "/srv/聊天%E8"])
def test_checks_and_queries_are_about_one_file(folder: str) -> None:
    settings = Settings(instance_path=Path(folder))
    assert make_url(settings.database_uri).database == str(settings.database_path) == f"{folder}/commonroom.db"


def test_a_sqlite_url_is_decoded() -> None:
    settings = Settings.from_environ({"DATABASE_URL": "sqlite:////srv/a%20b%25.db"})
    assert make_url(settings.database_uri).database == str(settings.database_path) == "/srv/a b%.db"


def test_a_folder_may_be_in_the_users_own() -> None:
    assert Settings.from_environ({"CHAT_INSTANCE_PATH": "~/chat"}).instance_path == Path.home() / "chat"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CHAT_LOBY", "CHAT_LOBBY"), ("CHAT_PORT", "PORT"), ("CHAT_TRUSTED_PROXY", "CHAT_TRUSTED_PROXIES"),
        ("chat_lobby", "CHAT_LOBBY"), ("Chat_Loby", "CHAT_LOBBY"), ("port", "PORT"), ("Database_Url", "DATABASE_URL"),
        ("CHATLOBBY", "CHAT_LOBBY"), ("CHAT-TRUSTED-PROXIES", "CHAT_TRUSTED_PROXIES"), ("chattls", "CHAT_TLS"),
    ],
)  # fmt: skip
def test_an_unknown_setting_is_answered_by_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: .* {nearest}\?$"):
        Settings.from_environ({name: "1"})


def test_variables_of_container_platforms_are_ignored() -> None:
    environ = {"CHAT_SERVICE_HOST": "10.0.0.7", "CHAT_SERVICE_PORT": "8000", "CHAT_PORT": "tcp://10.0.0.7:8000"}
    environ["CHAT_PORT_8000_TCP_ADDR"] = "10.0.0.7"
    assert Settings.from_environ(environ) == Settings()


@pytest.mark.parametrize("given", ["::", "[::]", "[0:0::0]"])
def test_ipv6_is_taken_with_and_without_brackets(given: str) -> None:
    assert Settings.from_environ({"CHAT_HOST": given}).host == "::"


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff\xfe" * 40])
def test_a_broken_key_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret_key").write_bytes(content)
    with pytest.raises(ConfigError, match=str(tmp_path / "secret_key")):
        Settings(instance_path=tmp_path).secret()


def test_the_kept_secret_is_made_once_by_many_and_private(tmp_path: Path) -> None:
    path = tmp_path / "instance" / "secret_key"
    found: list[str] = []
    run_in_threads(*[lambda: found.append(kept_secret(path))] * 8)
    assert len(set(found)) == 1
    assert kept_secret(path) == found[0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret_key"]


def test_the_greeting_has_a_qr_code_where_it_can_be_drawn() -> None:
    settings = Settings(host="192.0.2.7", port=8000)
    assert all(line.isascii() for line in greeting(settings, scheme="http", tcp_port=0))
    assert not can_draw(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert not can_draw(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))  # no terminal
    drawn = _qr_lines("http://192.0.2.7:8000/")
    assert len({len(line) for line in drawn}) == 1
    assert len(drawn) > 10


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "LOCALHOST.",
        "chat.localhost",
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_a_page_that_is_open_at_this_machine_is_told_addresses_that_others_reach(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(startup, "lan_addresses", lambda: ["192.0.2.7", "2001:db8::7"])
    assert reachable(f"http://{name}:8000", "0.0.0.0") == ["http://192.0.2.7:8000"]
    assert reachable(f"https://{name}", "::") == ["https://192.0.2.7", "https://[2001:db8::7]"]
    assert reachable(f"http://{name}:8000", "127.0.0.1") == [f"http://{name}:8000"]  # nobody else reaches it
    monkeypatch.setattr(startup, "lan_addresses", list)
    assert reachable(f"http://{name}", "::") == [f"http://{name}"]


@pytest.mark.parametrize(
    "name", ["192.0.2.9", "chat.school.example", "localhost.school.example", "[2001:db8::9]", "1270.0.0.1"]
)
def test_another_address_of_the_page_is_told_as_it_is(name: str) -> None:
    assert reachable(f"http://{name}:8000", "0.0.0.0") == [f"http://{name}:8000"]


def test_limits_hold_over_workers_and_hosts() -> None:
    assert not Settings().shares_limits(1)
    assert Settings().shares_limits(2)
    assert Settings(database_url="postgresql://db/chat", secret_key="x").shares_limits(1)
