"""Settings, read from the environment and validated once at the start.

Every field of Settings is one environment variable: its name in capitals, prefixed with `CHAT_` unless an established
name exists. README.md lists them all; a test compares the two.
"""

import difflib
import ipaddress
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parent
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PLAIN_NAMES = {"port", "tcp_port", "database_url", "redis_url", "secret_key", "web_concurrency"}
SECRET_NAMES = {"secret_key", "ims_password_key", "smtp_url"}  # never printed
WEAK_SECRETS = {"secret", "changeme", "change-me", "password", "dev", "development", "your-secret-key"}
SECRET_MIN_BYTES = 32
MAKE_SECRET = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"  # noqa: S105
POSTGRESQL = "postgresql://"
# Set by container platforms for a service called "chat".
_OF_CONTAINERS = re.compile(r"CHAT_(SERVICE_(HOST|PORT)|PORT_\d+_(TCP|UDP)|PORT=(tcp|udp)://)")
_PASSWORD = re.compile(r"(://[^:@/]*):[^@/]*@")  # in a URL


class ConfigError(Exception):
    """An invalid setting; the message names it and says which values are allowed."""


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
        return "postgresql+psycopg://" if self.postgresql_url else f"sqlite:///{self.database_path}"

    @property
    def postgresql_url(self) -> str:
        """Return the URL of the PostgreSQL database; "": it is SQLite."""
        return self.database_url if self.database_url.startswith(POSTGRESQL) else ""

    @property
    def database_path(self) -> Path | None:
        """Return the path of the SQLite file; None: the database is PostgreSQL."""
        if self.postgresql_url:
            return None
        return Path(self.database_url.removeprefix("sqlite:///") or self.instance_path / "commonroom.db")

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


def without_password(url: str) -> str:
    """Return a text with the passwords of its URLs hidden."""
    return _PASSWORD.sub(r"\1:…@", url)


def env_name(field_name: str) -> str:
    """Return the environment variable of a Settings field."""
    return field_name.upper() if field_name in PLAIN_NAMES else f"CHAT_{field_name.upper()}"


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    """Raise ConfigError for an unknown CHAT_ variable, because a misspelt setting would have no effect."""
    known = {env_name(spec.name) for spec in fields(Settings)}
    for name in sorted(environ):
        if name.startswith("CHAT_") and name not in known and not _OF_CONTAINERS.match(f"{name}={environ[name]}"):
            plain = name.removeprefix("CHAT_")
            nearest = [plain] if plain in known else difflib.get_close_matches(name, known, n=1)
            hint = f"do you mean {nearest[0]}?" if nearest else "README.md lists the settings."
            raise ConfigError(f"{name}: there is no such setting; {hint}")


def check_secret(secret: str) -> None:
    """Raise ConfigError for a guessable signing key."""
    if len(secret.encode()) < SECRET_MIN_BYTES or len(set(secret)) < 8 or secret.lower() in WEAK_SECRETS:
        raise ConfigError(
            f"SECRET_KEY is too weak: give at least {SECRET_MIN_BYTES} random bytes ({MAKE_SECRET}), "
            "or leave it unset to have one generated."
        )


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


def _number(kind: Callable[[str], Any], low: float, high: float) -> Callable[[str], Any]:
    def parse(raw: str) -> Any:
        try:
            value = kind(raw)
        except ValueError:
            raise ValueError(f"give a number from {low:g} to {high:g}") from None
        if not low <= value <= high:
            raise ValueError(f"give a number from {low:g} to {high:g}")
        return value

    return parse


def _switch(raw: str) -> bool:
    if raw.lower() in {"on", "true", "yes", "1"}:
        return True
    if raw.lower() in {"off", "false", "no", "0"}:
        return False
    raise ValueError("give on or off")


def _origins(raw: str) -> tuple[str, ...]:
    origins = tuple(part.strip().rstrip("/").lower() for part in raw.split(",") if part.strip())
    for origin in origins:
        if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
            raise ValueError("give origins such as https://chat.example.org, separated by commas")
    return origins


def _networks(raw: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in raw.split(",") if part.strip())
    except ValueError:
        raise ValueError("give addresses or networks such as 127.0.0.1 or 10.0.0.0/24, separated by commas") from None


def _aes_key(raw: str) -> str:
    if len(raw.encode()) != 16:
        raise ValueError("give the 16 characters that the clients use")
    return raw


def _smtp_url(raw: str) -> str:
    parts = urlsplit(raw)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or not 0 < (parts.port or 25) < 65536:
        raise ValueError("give smtp://host:port or smtps://user:password@host:port, optionally ?from=address")
    return raw


def _database_url(raw: str) -> str:
    if not raw.startswith(POSTGRESQL):
        return _sqlite_file(raw)
    place = raw.removeprefix(POSTGRESQL).partition("?")[0]
    if not place.partition("/")[2]:
        raise ValueError("give the database's name, such as postgresql://user:password@host/commonroom")
    return raw


def _redis_url(raw: str) -> str:
    parts = urlsplit(raw)  # its port raises ValueError for what is none
    is_file = parts.scheme == "unix"
    if parts.scheme not in {"redis", "rediss", "unix"} or not (parts.path if is_file else parts.hostname):
        raise ValueError("give redis://host:port/number, rediss://… for TLS, or unix:///path/to/socket")
    if not is_file and not re.fullmatch(r"/?\d{0,5}", parts.path):
        raise ValueError("the path is the database's number, such as redis://host:6379/0")
    if parts.port == 0:
        raise ValueError("give a port from 1 to 65535")
    return raw


def _sqlite_file(raw: str) -> str:
    # Each connection would get its own database in memory.
    if not raw.startswith("sqlite:////") or raw.endswith("/"):
        raise ValueError("give a SQLite file by its absolute path, such as sqlite:////srv/chat.db, or postgresql://…")
    _no_query(raw)
    return raw


def _folder(raw: str) -> Path:
    _no_query(raw)
    return Path(raw).absolute()


def _no_query(raw: str) -> None:
    if "?" in raw or "\0" in raw:  # the rest would be parsed as options and change the file
        raise ValueError("give a path without a question mark")


def _host(raw: str) -> str:
    """Parse an address or name to listen on; IPv6 with or without brackets."""
    bare = raw[1:-1] if raw.startswith("[") and raw.endswith("]") else raw
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", raw) or re.fullmatch(r"[0-9.]+", raw):
            raise ValueError("give an address of this machine, such as 127.0.0.1, 0.0.0.0 or ::") from None
        return raw


def _tls(raw: str) -> str:
    if raw.lower() not in {"off", "self-signed"}:
        raise ValueError("give off or self-signed")
    return raw.lower()


def _registration(raw: str) -> str:
    if raw.lower() not in {"open", "code", "closed"}:
        raise ValueError("give open, code or closed")
    return raw.lower()


def _timezone(raw: str) -> str:
    try:
        ZoneInfo(raw)
    except (KeyError, ValueError, OSError):  # unknown zone; invalid name; a folder of zones
        raise ValueError("give a time zone such as Asia/Shanghai or UTC") from None
    return raw


def _synchronous(raw: str) -> str:
    if raw.upper() not in {"NORMAL", "FULL", "EXTRA"}:
        raise ValueError("give NORMAL, FULL or EXTRA")
    return raw.upper()


_MIB = 1024 * 1024
PARSERS: dict[str, Callable[[str], Any]] = {
    "instance_path": _folder,
    "database_url": _database_url,
    "redis_url": _redis_url,
    "secret_key": str,
    "host": _host,
    "port": _number(int, 1, 65535),
    "tcp_port": _number(int, 0, 65535),
    "realtime_port": _number(int, 0, 65535),
    "web_concurrency": _number(int, 1, 256),
    "threads": _number(int, 4, 4096),
    "metrics": _switch,
    "tls": _tls,
    "lobby": str,
    "registration": _registration,
    "password_min_length": _number(int, 1, 128),
    "message_max_chars": _number(int, 1, 100_000),
    "edit_minutes": _number(float, 0, 60 * 24 * 366),
    "image_max_bytes": _number(int, 1024, 64 * _MIB),
    "file_max_bytes": _number(int, 1024, 1024 * _MIB),
    "body_max_bytes": _number(int, 1024, 256 * _MIB),
    "session_hours": _number(float, 0.001, 24 * 366),
    "pull_timeout": _number(float, 0, 50),
    "presence_seconds": _number(float, 1, 3600),
    "rate_limits": _switch,
    "rooms_at_once": _number(int, 1, 100_000),
    "rooms_per_hour": _number(int, 1, 100_000),
    "rooms_owned": _number(int, 1, 1_000_000),
    "people_added_per_minute": _number(int, 1, 100_000),
    "strangers_rooms": _number(int, 1, 1_000_000),
    "requests_per_second": _number(int, 1, 1_000_000),
    "requests_at_once": _number(int, 1, 1_000_000),
    "storage_per_day": _number(int, 0, 2**50),
    "storage_max": _number(int, 0, 2**50),
    "disk_free_min": _number(int, 0, 2**50),
    "ims_password_key": _aes_key,
    "smtp_url": _smtp_url,
    "timezone": _timezone,
    "cors_origins": _origins,
    "trusted_proxies": _number(int, 0, 10),
    "tcp_proxy_protocol": _networks,
    "connections_per_address": _number(int, 0, 1_000_000),
    "sqlite_synchronous": _synchronous,
    "database_busy_seconds": _number(float, 0.05, 60),
    "feed_max_bytes": _number(int, 64 * 1024, 64 * 1024 * _MIB),
    "client_memory_max_bytes": _number(int, 64 * _MIB, 64 * 1024 * _MIB),
}
