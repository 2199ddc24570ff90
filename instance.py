"""The instance folder and database file: created, made private, and checked at each start."""

import contextlib
import functools
import logging
import os
import re
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path

from config import ROOT, Settings
from setting_parsers import ConfigError, server_of, without_password

POSTGRESQL_MIN = 15
REDIS_MIN = 7  # or Valkey, which tells 7.2
CONNECT_SECONDS = 2  # for each host of the URL
CLOCKS_APART_SECONDS = 5.0  # from which on it is said
PRIVATE_UMASK = 0o077  # files of this process are private to its user
DATABASE_SUFFIXES = ("", "-wal", "-shm", "-bell")
log = logging.getLogger(__name__)
_ATTEMPTS = "Multiple connection attempts failed. All failures were:"  # psycopg's line
_REDIS_PASSING = ("MISCONF", "BUSY")  # its disk is full; a script of somebody else takes long
_SQLITE = b"SQLite format 3\0"  # how its files begin
_REVISION = re.compile(r'^revision = "(\w+)"', re.MULTILINE)


def prepare(settings: Settings) -> None:
    """Create the folder, make it private, and check that it is writable. Raises ConfigError."""
    folder, database = settings.instance_path, settings.database_path
    _make(folder)
    for name in ("secret_key", "self-signed.pem"):
        _tighten(folder / name, 0o600)
    if database is None:
        _require_writable(folder)
        _tighten_folder(folder, None)
        return
    if database.parent != folder and not database.parent.is_dir():
        raise ConfigError(f"DATABASE_URL={settings.database_url!r}: there is no folder {database.parent}")
    for place in {folder, database.parent}:
        _require_writable(place)
    if "?" in str(database):
        raise ConfigError(f"{database}: choose a path without a question mark")
    _tighten_folder(folder, database)
    for path in beside(database) if _is_ours(database) else []:
        _tighten(path, 0o600)


def _is_ours(database: Path) -> bool:
    """Whether there is no such file yet, or an empty one, or one of SQLite: others keep their mode (/etc/passwd)."""
    if not database.is_file():
        return not database.exists()
    with contextlib.suppress(PermissionError), database.open("rb") as file:
        return file.read(len(_SQLITE)) in {b"", _SQLITE}
    return False


def _require_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{folder}: no permission to write to this folder")


def beside(database: Path) -> list[Path]:
    """All files of a database: itself, its log, the log's index, and the bell (chat/backends/sqlite/doorbell.py)."""
    return [database.with_name(database.name + suffix) for suffix in DATABASE_SUFFIXES]


def check(settings: Settings, *, upgrades: bool = False, clock: Callable[[], float] = time.time) -> None:
    """Raise ConfigError where there is a database that this version cannot use.

    upgrades: it is going to be brought up to this version's schema. A SQLite file that is not there or has no tables
    yet is no fault: the server waits for them.
    """
    if settings.database_path is not None:
        if upgrades:
            check_database(settings.database_path)
        else:
            check_schema(settings, may_be_empty=True)
    else:
        apart = clock() - _check_postgresql(settings.postgresql_url, upgrades=upgrades)
        if abs(apart) > CLOCKS_APART_SECONDS:
            log.warning(
                "DATABASE_URL: this machine's clock is %.0f s %s the database's. Messages stay in order, but times and "
                "presence are off by as much: run NTP on all hosts",
                abs(apart),
                "ahead of" if apart > 0 else "behind",
            )
    if settings.redis_url and not upgrades:
        _check_redis(settings.redis_url)


def check_schema(settings: Settings, *, may_be_empty: bool = False) -> None:
    """Raise ConfigError for a database that commands cannot use: damaged, away, or of another version's schema.

    may_be_empty: a SQLite file without tables is no fault.
    """
    database = settings.database_path
    if database is None:
        _check_postgresql(settings.postgresql_url, upgrades=False)
        return
    check_database(database)
    with contextlib.suppress(sqlite3.OperationalError):  # the database is busy; the command will report it
        revision = revision_of(database) if database.exists() else ""
        if revision or not may_be_empty:
            _require_current(str(database), revision)


def _require_current(database: str, revision: str) -> None:
    if revision != max(known_revisions()):
        raise ConfigError(f"{database}: its schema is {revision or 'not there'}; run: flask --app wsgi db upgrade")


def _check_postgresql(url: str, *, upgrades: bool) -> float:
    """Return the server's time (s since 1970)."""
    import psycopg  # here, as most installations have no use for it

    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS) as connection:
            server = connection.info.server_version // 10000
            encoding = connection.info.parameter_status("server_encoding")
            there = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
            found = there and there[0] and connection.execute("SELECT version_num FROM alembic_version").fetchone()
            now = connection.execute("SELECT extract(epoch FROM clock_timestamp())").fetchone()
    except psycopg.Error as error:
        raise ConfigError(f"DATABASE_URL: {without_password(_why(error, url))}") from None
    if server < POSTGRESQL_MIN:
        raise ConfigError(f"DATABASE_URL: that server is PostgreSQL {server}; {POSTGRESQL_MIN} or later is needed")
    if encoding != "UTF8":
        raise ConfigError(f"DATABASE_URL: that database's encoding is {encoding}; make it with ENCODING 'UTF8'")
    revision = str(found[0]) if found else ""
    if revision and revision not in known_revisions():
        raise ConfigError(f"DATABASE_URL: a newer version of Commonroom made it (schema {revision}); update this one")
    if not upgrades:
        _require_current("DATABASE_URL", revision)
    return float(now[0]) if now else 0.0


def _why(error: Exception, url: str) -> str:
    """Return psycopg's error in one line: each attempt to connect once, and with the server."""
    from psycopg import conninfo, errors

    lines = [" ".join(line.split()) for line in str(error).splitlines()]
    if _ATTEMPTS in lines:  # before them is the last one's
        lines = lines[lines.index(_ATTEMPTS) + 1 :]
    if isinstance(error, errors.ConnectionTimeout):  # names no server
        lines.insert(0, f"no answer from {server_of(conninfo.conninfo_to_dict(url))}:")
    return " ".join(dict.fromkeys(lines))


def _check_redis(url: str) -> None:
    """Raise ConfigError for a Redis that will never serve. One that is away is none: the chat goes on without."""
    import redis  # here, as most installations have no use for it

    shown = without_password(url)
    waits = {"socket_timeout": CONNECT_SECONDS, "socket_connect_timeout": CONNECT_SECONDS}
    try:
        with redis.Redis.from_url(url, protocol=2, decode_responses=True, **waits) as client:
            server = client.info("server")
            mode = server.get("redis_mode") or server.get("server_mode", "standalone")  # Valkey has the latter
            if mode != "standalone":
                raise ConfigError(f"REDIS_URL={shown!r}: that is Redis as a {mode}; give a single server's URL")
            client.set("commonroom:start", 1, px=1)
            client.script_load("return 0")  # these may be forbidden to the URL's user
            client.publish("commonroom:start", "")
            client.pubsub_numsub()
    except redis.AuthenticationError as error:
        if "without any password" in str(error):
            raise ConfigError(f"REDIS_URL={shown!r}: that Redis has no password; leave it out") from None
        raise ConfigError(
            f"REDIS_URL={shown!r}: that Redis asks for a password, or for another one; "
            "give it as redis://:PASSWORD@host:port or redis://NAME:PASSWORD@host:port"
        ) from None
    except redis.RedisError as error:
        passing = (redis.ConnectionError, redis.TimeoutError, redis.OutOfMemoryError)
        if not isinstance(error, passing) and not str(error).startswith(_REDIS_PASSING):
            raise ConfigError(f"REDIS_URL={shown!r}: {error}") from None
        said = str(error).rstrip(".")
        log.warning("REDIS_URL=%r: %s. The server goes on without, and uses it as soon as it answers.", shown, said)
        return
    version = str(server.get("redis_version", ""))  # Valkey gives the Redis version that it is compatible with
    if int(version.partition(".")[0] or 0) < REDIS_MIN:
        raise ConfigError(f"REDIS_URL={shown!r}: that server is Redis {version}; {REDIS_MIN} or later is needed")


def check_database(database: Path) -> None:
    """Raise ConfigError for a file that this version cannot use. An older schema is accepted."""
    if not database.exists():
        return
    if not database.is_file():
        raise ConfigError(f"{database}: not a file")
    if not os.access(database, os.R_OK | os.W_OK):
        raise ConfigError(f"{database}: no permission to read and write this file")
    try:
        revision = revision_of(database)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # the database is busy; later users will report it
            return
        raise ConfigError(f"{database}: {error}. To go back to a backup: flask --app wsgi chat restore FILE") from None
    if revision and revision not in known_revisions():
        raise ConfigError(
            f"{database}: created by a newer version of Commonroom (schema {revision}); update this installation"
        )


def revision_of(database: Path) -> str:
    """Return the schema's revision; "" for an empty database. Raises sqlite3.DatabaseError if it is no database."""
    with contextlib.closing(sqlite3.connect(f"file:{_quoted(database)}?mode=rw", uri=True, timeout=5)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return ""
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(found[0]) if found else ""


@functools.cache
def known_revisions() -> set[str]:
    """Return the schema revisions that this version can migrate from."""
    files = (ROOT / "migrations" / "versions").glob("*.py")
    return {found[1] for file in files if (found := _REVISION.search(file.read_text(encoding="utf-8")))}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        why = "that is no folder" if folder.exists() else f"the folder cannot be made ({error.strerror})"
        raise ConfigError(f"CHAT_INSTANCE_PATH={str(folder)!r}: {why}") from None


def _tighten_folder(folder: Path, database: Path | None) -> None:
    """Leave folders alone that others use: /tmp, or a folder without files of this server."""
    kept = {path.name for path in folder.iterdir()}
    is_ours = (
        not kept
        or "secret_key" in kept
        or (database is not None and database.parent == folder and database.name in kept)
    )
    if is_ours and not folder.stat().st_mode & stat.S_ISVTX:
        _tighten(folder, 0o700)


def _tighten(path: Path, mode: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):  # missing, or owned by another user
        if stat.S_IMODE(path.stat().st_mode) & ~mode:
            path.chmod(mode)


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("#", "%23").replace("?", "%3f")
