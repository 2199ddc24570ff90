"""Settings, read from the environment and validated once at the start.

Every field of Settings is one environment variable: its name in capitals, prefixed with `CHAT_` unless an established
name exists. README.md lists them all; a test compares the two.
"""

import difflib
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from setting_parsers import (
    MAKE_SECRET,
    PARSERS,
    POSTGRESQL,
    SECRET_NAMES,
    ConfigError,
    Network,
    check_secret,
    env_name,
    without_password,
)

ROOT = Path(__file__).resolve().parent
# Set by container platforms for a service called "chat".
_OF_CONTAINERS = re.compile(r"CHAT_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP)|PORT=(tcp|udp)://)")


@dataclass(frozen=True, kw_only=True)
class Settings:
    # Places and processes
    instance_path: Path = ROOT / "instance"
    database_url: str = ""  # empty: SQLite in instance_path
    redis_url: str = ""  # empty: none
    secret_key: str = ""  # empty: generated once and kept in instance_path
    host: str = "0.0.0.0"  # noqa: S104 - a class reaches the teacher's laptop over the LAN
    port: int = 8000
    tcp_port: int = 8888  # the tcp protocol; 0: none
    realtime_port: int = 0  # an additional HTTP port for realtime's WebSocket, as in its document; 0: none
    web_concurrency: int = 1  # worker processes; gunicorn reads it directly
    worker_busy_percent: int = 50  # of a core, from which a worker leaves new connections to others; 0: never
    threads: int = 4  # per worker process; held requests need none
    metrics: bool = False
    tls: str = "off"  # self-signed: https with a certificate kept in instance_path
    # Rules
    lobby: str = "public"
    registration: str = "open"  # until a teacher changes it: open, code or closed
    password_min_length: int = 6
    message_max_chars: int = 4000
    edit_minutes: float = 15.0  # period in which users can edit their own texts; 0: never
    image_max_bytes: int = 5 * 1024 * 1024
    file_max_bytes: int = 20 * 1024 * 1024
    body_max_bytes: int = 8 * 1024 * 1024
    session_hours: float = 24.0
    pull_timeout: float = 25.0  # seconds
    presence_seconds: float = 60.0
    rate_limits: bool = True
    # Limits per person on actions that affect others
    rooms_at_once: int = 20
    rooms_per_hour: int = 20  # after the initial rooms_at_once
    rooms_owned: int = 200
    people_added_per_minute: int = 60
    strangers_rooms: int = 30  # rooms a person may be added to by others
    requests_per_second: int = 50
    requests_at_once: int = 300
    # Bytes of pictures, files and avatars
    storage_per_day: int = 500 * 1024 * 1024  # per person
    storage_max: int = 0  # of the database; 0: limited by the disk only
    disk_free_min: int = 1024 * 1024 * 1024  # uploads that would leave less are refused
    ims_password_key: str = ""  # 16 characters; ims's clients encrypt passwords with it
    smtp_url: str = ""  # empty: e-mail is disabled
    timezone: str = ""  # for protocols that use local times; empty: the server's own
    # Network
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: int = 0
    tcp_proxy_protocol: tuple[Network, ...] = ()  # proxies in front of the tcp port, which begin with a PROXY header
    connections_per_address: int = 2000  # per worker process; 0: unlimited
    # Storage and memory
    sqlite_synchronous: str = "NORMAL"
    database_busy_seconds: float = 5.0
    feed_max_bytes: int = 64 * 1024 * 1024
    client_memory_max_bytes: int = 512 * 1024 * 1024  # memory for clients' data per worker process

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings from the environment. Raises ConfigError for the first invalid variable."""
        _refuse_unknown(environ)
        values: dict[str, Any] = {}
        for spec in fields(cls):
            name = env_name(spec.name)
            raw = environ.get(name)
            # gunicorn would parse an empty WEB_CONCURRENCY as a number.
            if raw is None or (raw == "" and spec.name not in {"lobby", "cors_origins", "web_concurrency"}):
                continue
            try:
                raw.encode()  # the environment may hold any bytes, which Python reads as surrogates
            except UnicodeEncodeError:
                raise ConfigError(f"{name}: this is not UTF-8") from None
            try:
                values[spec.name] = PARSERS[spec.name](raw.strip())
            except ValueError as error:
                shown = "…" if spec.name in SECRET_NAMES else repr(without_password(raw))
                raise ConfigError(f"{name}={shown}: {error}") from None
        settings = cls(**values)
        if settings.secret_key:
            check_secret(settings.secret_key)
        elif settings.postgresql_url:
            settings.secret()
        return settings

    @property
    def database_uri(self) -> str:
        """Return the SQLAlchemy URL of the database; of PostgreSQL only which driver it is, as libpq reads the rest."""
        path = self.database_path
        return "postgresql+psycopg://" if path is None else sqlite_url(path)

    @property
    def postgresql_url(self) -> str:
        """Return the URL of the PostgreSQL database; "": it is SQLite."""
        return self.database_url if self.database_url.startswith(POSTGRESQL) else ""

    @property
    def database_path(self) -> Path | None:
        """Return the path of the SQLite file; None: the database is PostgreSQL."""
        if self.postgresql_url:
            return None
        return Path(unquote(self.database_url.removeprefix("sqlite:///")) or self.instance_path / "commonroom.db")

    def shares_limits(self, workers: int) -> bool:
        """Whether other processes may serve the same people: on PostgreSQL also those of other hosts."""
        return workers > 1 or bool(self.postgresql_url)

    @property
    def zone(self) -> ZoneInfo | None:
        """Return the time zone for local times; None: the server's own."""
        return ZoneInfo(self.timezone) if self.timezone else None

    def secret(self) -> str:
        """Return the signing key: the setting, or the one kept in instance_path (generated at the first call)."""
        if self.secret_key:
            return self.secret_key
        if self.postgresql_url:  # kept in a file, each host would have another one, and refuse the others' sessions
            raise ConfigError(
                "SECRET_KEY is not set: on PostgreSQL all hosts need the same one. "
                f"Make it once, and give it to each: {MAKE_SECRET}"
            )
        path = self.instance_path / "secret_key"
        try:
            return kept_secret(path)
        except (OSError, ValueError) as error:  # unreadable, or not text
            raise ConfigError(f"{path}: {error}") from None


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file, as in DATABASE_URL."""
    return f"sqlite:///{quote(str(path))}"


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    """Raise ConfigError for an unknown CHAT_ variable, or a setting in other letters: it would have no effect."""
    known = {env_name(spec.name) for spec in fields(Settings)}
    unlined = {name.replace("_", ""): name for name in known if name.startswith("CHAT_")}
    for name in sorted(environ.keys() - known):
        capitals = name.upper()
        capitals = unlined.get(re.sub("[-_]", "", capitals), capitals)  # CHATLOBBY, CHAT-LOBBY
        is_meant = capitals.startswith("CHAT_") or capitals in known
        if is_meant and not _OF_CONTAINERS.match(f"{name}={environ[name]}"):
            plain = capitals.removeprefix("CHAT_")
            nearest = [plain] if plain in known else difflib.get_close_matches(capitals, known, n=1)
            hint = f"do you mean {nearest[0]}?" if nearest else "README.md lists the settings."
            raise ConfigError(f"{name}: there is no such setting; {hint}")


def kept_secret(path: Path) -> str:
    """Read the key at the path, and generate it first if it is missing. Safe with concurrent processes."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)  # fails if another process was first; then its key is used
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    secret = path.read_text().strip()
    try:
        check_secret(secret)
    except ConfigError:
        raise ConfigError(
            f"{path}: that is no key; remove the file to have one made (all have to log in again)"
        ) from None
    return secret
