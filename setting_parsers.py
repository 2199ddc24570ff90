"""Parses the settings of config.py: one function per kind of value. Raises ConfigError."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
PLAIN_NAMES = {"port", "tcp_port", "database_url", "redis_url", "secret_key", "web_concurrency"}
SECRET_NAMES = {"secret_key", "ims_password_key", "smtp_url"}  # never printed
WEAK_SECRETS = {"secret", "changeme", "change-me", "password", "dev", "development", "your-secret-key"}
SECRET_MIN_BYTES = 32
MAKE_SECRET = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"  # noqa: S105
POSTGRESQL = "postgresql://"
LIBPQ_NUMBERS = (
    "connect_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
_PASSWORDS = (
    r"((?i:passw\w*)\s*=\s*)(?:'[^']*'|[^&\s]*)",
    # Up to the last @, as one may have been written unescaped; the user's name may have one too.
    r"((?:://|^(?!\s*\S+://)\s*)[^:\s]*:).*(?=@)",
    # Without an @, as it was forgotten or escaped: what is no port.
    r"(://[^:/@\s\[]*:)(?!\d*(?:[/?#,\s]|$))[^/?#\s@]*(?=[/?#\s]|$)",
    r"((?i:rediss?)://)[^:@\s]+(?=@)",  # a password in place of ":password"
)


class ConfigError(Exception):
    """An invalid setting; the message names it and says which values are allowed."""

    def __str__(self) -> str:
        """Return it in one line, also if it quotes a path or a server's answer of several."""
        return " ".join(super().__str__().splitlines())


def without_password(url: str) -> str:
    """Return a text with the passwords of its URLs hidden, also of malformed ones."""
    for password in _PASSWORDS:
        url = re.sub(password, r"\1…", url)
    return url


def server_of(parameters: Mapping[str, Any]) -> str:
    """Return where libpq's parameters lead, for errors that do not say so."""
    host = parameters.get("host") or parameters.get("hostaddr") or "this machine"
    return f"{host}, port {parameters['port']}" if parameters.get("port") else str(host)


def env_name(field_name: str) -> str:
    """Return the environment variable of a Settings field."""
    return field_name.upper() if field_name in PLAIN_NAMES else f"CHAT_{field_name.upper()}"


def check_secret(secret: str) -> None:
    """Raise ConfigError for a guessable signing key."""
    if len(secret.encode()) < SECRET_MIN_BYTES or len(set(secret)) < 8 or secret.lower() in WEAK_SECRETS:
        raise ConfigError(
            f"SECRET_KEY is too weak: give at least {SECRET_MIN_BYTES} random bytes ({MAKE_SECRET}), "
            "or leave it unset to have one generated."
        )


def _number(kind: Callable[[str], Any], low: float, high: float) -> Callable[[str], Any]:
    def parse(raw: str) -> Any:
        try:
            if not raw.isascii() or "_" in raw:  # which Python takes: "1_0" is 10
                raise ValueError
            value = kind(raw)
        except ValueError:
            raise ValueError(f"give a number from {low} to {high}") from None
        if not low <= value <= high:
            raise ValueError(f"give a number from {low} to {high}")
        return value

    return parse


def _switch(raw: str) -> bool:
    if raw.lower() in {"on", "true", "yes", "1"}:
        return True
    if raw.lower() in {"off", "false", "no", "0"}:
        return False
    raise ValueError("give on or off")


def _split(url: str, words: str) -> SplitResult:
    """Split a URL. Raises ValueError with these words for a host or port that there cannot be."""
    try:
        parts = urlsplit(url)
        if parts.port != 0 and _can_be_host(parts.hostname or ""):
            return parts
    except ValueError:  # in Python's words
        pass
    raise ValueError(words)


def _can_be_host(name: str) -> bool:
    """Whether a name can be looked up: Python raises UnicodeError for an empty label, or one of over 63 bytes."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


def _origins(raw: str) -> tuple[str, ...]:
    return tuple(_origin(part.strip()) for part in raw.split(",") if part.strip())


def _origin(raw: str) -> str:
    """Parse an origin into the form in which browsers send it (RFC 6454, 6.2)."""
    words = "give origins such as https://chat.example.org, separated by commas"
    parts = _split(raw.rstrip("/").lower(), words)
    default_port = {"http": 80, "https": 443}.get(parts.scheme)
    is_more = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    if default_port is None or is_more or not parts.hostname or "*" in parts.hostname:
        raise ValueError(words)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.encode("idna").decode()
    port = "" if parts.port in {None, default_port} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


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
    words = "give smtp://host:port or smtps://user:password@host:port, optionally ?from=address"
    parts = _split(raw, words)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError(words)
    return raw


def _database_url(raw: str) -> str:
    if not raw.startswith(POSTGRESQL):
        return _sqlite_file(raw)
    place = raw.removeprefix(POSTGRESQL).partition("?")[0]
    if not place.partition("/")[2]:
        raise ValueError("give the database's name, such as postgresql://user:password@host/commonroom")
    from psycopg import ProgrammingError, conninfo  # here, as most installations have no use for it

    words = (
        "give postgresql://user:password@host:port/database, with %40 for @ in the password, and so on, "
        "and only parameters that libpq has"
    )
    try:
        given = conninfo.conninfo_to_dict(raw)
    except ProgrammingError:  # in libpq's words, which may have the password
        raise ValueError(words) from None
    if not all(_is_port(port) for port in str(given.get("port") or "").split(",") if port):
        raise ValueError("give a port from 1 to 65535")
    hosts = [host for host in str(given.get("host") or "").split(",") if not host.startswith("/")]
    if any("@" in host[1:] for host in hosts):  # the end of a password, which errors would show as a host
        raise ValueError(words)
    if not all(map(_can_be_host, hosts)):
        raise ValueError("give names that hosts can have, such as db.example.org")
    for name in LIBPQ_NUMBERS:  # libpq reads them when it connects
        if not re.fullmatch(r"-?\d{1,9}", str(given.get(name, 0)), re.ASCII):
            raise ValueError(f"give a whole number as {name}")
    return raw


def _is_port(text: str) -> bool:
    return re.fullmatch(r"\d{1,5}", text, re.ASCII) is not None and 1 <= int(text) <= 65535


def _redis_url(raw: str) -> str:
    words = "give redis://host:port/number, rediss://… for TLS, or unix:///path/to/socket"
    parts = _split(raw, words)
    is_file = parts.scheme == "unix"
    if parts.scheme not in {"redis", "rediss", "unix"} or not (parts.path if is_file else parts.hostname):
        raise ValueError(words)
    if not is_file and not re.fullmatch(r"/?\d{0,5}", parts.path):
        raise ValueError("the path is the database's number, such as redis://host:6379/0")
    from redis import Redis, RedisError  # here, as most installations have no use for it

    try:
        Redis.from_url(raw).connection_pool.make_connection()
    except (TypeError, ValueError, RedisError):
        raise ValueError("give only parameters that redis-py has, with values of their kind") from None
    return raw


def _sqlite_file(raw: str) -> str:
    # Each connection would get its own database in memory.
    if not raw.startswith("sqlite:////") or unquote(raw).endswith("/"):
        raise ValueError("give a SQLite file by its absolute path, such as sqlite:////srv/chat.db, or postgresql://…")
    _no_query(unquote(raw))
    return raw


def _folder(raw: str) -> Path:
    _no_query(raw)
    try:
        return Path(raw).expanduser().absolute()  # which not every shell has done
    except RuntimeError:
        raise ValueError("there is no user of that name; give a folder by its whole path") from None


def _no_query(raw: str) -> None:
    if "?" in raw or "\0" in raw:  # the rest would be parsed as options and change the file
        raise ValueError("give a path without a question mark")


def _host(raw: str) -> str:
    """Parse an address or name to listen on; IPv6 with or without brackets."""
    bare = raw[1:-1] if raw.startswith("[") and raw.endswith("]") else raw
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        is_name = re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", raw) and not re.fullmatch(r"[0-9.]+", raw)
        if not is_name or not _can_be_host(raw):
            raise ValueError("give an address of this machine, such as 127.0.0.1, 0.0.0.0 or ::") from None
        return raw


def _lobby(raw: str) -> str:
    from chat.names import ROOM_NAME_MAX_CHARS, is_name  # here: gunicorn.conf.py forgets it before it forks

    if raw and not is_name(raw, ROOM_NAME_MAX_CHARS):
        raise ValueError(f"give a room name of 1 to {ROOM_NAME_MAX_CHARS} characters")
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
MOST_WORKERS = 256


PARSERS: dict[str, Callable[[str], Any]] = {
    "instance_path": _folder,
    "database_url": _database_url,
    "redis_url": _redis_url,
    "secret_key": str,
    "host": _host,
    "port": _number(int, 1, 65535),
    "tcp_port": _number(int, 0, 65535),
    "realtime_port": _number(int, 0, 65535),
    "web_concurrency": _number(int, 1, MOST_WORKERS),
    "worker_busy_percent": _number(int, 0, 100),
    "threads": _number(int, 4, 4096),
    "metrics": _switch,
    "tls": _tls,
    "lobby": _lobby,
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
