import re
import stat
from dataclasses import fields
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config import PARSERS, ConfigError, Settings, env_name, kept_secret
from tests.conftest import run_in_threads
from tests.server import ROOT

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
        ("PORT", "http"), ("PORT", "0"), ("PORT", "70000"), ("CHAT_RATE_LIMITS", "maybe"), ("CHAT_PULL_TIMEOUT", "51"),
        ("CHAT_CORS_ORIGINS", "front.example"), ("CHAT_CORS_ORIGINS", "https://a.b/x"), ("CHAT_CORS_ORIGINS", "*"),
        ("CHAT_TRUSTED_PROXIES", "-1"), ("CHAT_SQLITE_SYNCHRONOUS", "OFF"), ("CHAT_PASSWORD_MIN_LENGTH", "nan"),
        ("DATABASE_URL", "sqlite://"), ("DATABASE_URL", "sqlite:///:memory:"), ("DATABASE_URL", "mysql://x/y"),
        ("CHAT_TIMEZONE", "Mars/Olympus"), ("CHAT_TIMEZONE", "Asia"), ("CHAT_TIMEZONE", "../etc/passwd"),
        ("CHAT_TIMEZONE", "+08:00"),
        ("SECRET_KEY", "secret"), ("SECRET_KEY", "x" * 64), ("SECRET_KEY", "0123456789abcdef"),
    ],
)  # fmt: skip
def test_a_wrong_setting_stops_the_start_and_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Settings.from_environ({name: value})


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


def test_the_kept_secret_is_made_once_by_many_and_private(tmp_path: Path) -> None:
    path = tmp_path / "instance" / "secret_key"
    found: list[str] = []
    run_in_threads(*[lambda: found.append(kept_secret(path))] * 8)
    assert len(set(found)) == 1
    assert kept_secret(path) == found[0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["secret_key"]
