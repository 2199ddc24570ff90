"""The instance folder and database file: created, made private, and checked at each start."""

import contextlib
import functools
import os
import re
import sqlite3
import stat
from pathlib import Path

from config import ROOT, ConfigError, Settings

PRIVATE_UMASK = 0o077  # files of this process are private to its user
DATABASE_SUFFIXES = ("", "-wal", "-shm", "-bell")
_REVISION = re.compile(r'^revision = "(\w+)"', re.MULTILINE)


def prepare(settings: Settings) -> None:
    """Create the folder, make it private, and check that it is writable. Raises ConfigError."""
    folder, database = settings.instance_path, settings.database_path
    _make(folder)
    if database.parent != folder and not database.parent.is_dir():
        raise ConfigError(f"DATABASE_URL={settings.database_url!r}: there is no folder {database.parent}")
    for place in {folder, database.parent}:
        if not os.access(place, os.W_OK | os.X_OK):
            raise ConfigError(f"{place}: no permission to write to this folder")
    if "?" in str(database):
        raise ConfigError(f"{database}: choose a path without a question mark")
    _tighten_folder(folder, database)
    for path in (folder / "secret_key", *beside(database)):
        _tighten(path, 0o600)


def beside(database: Path) -> list[Path]:
    """All files of a database: itself, its log, the log's index, and the bell (chat/backends/sqlite/neighbours.py)."""
    return [database.with_name(database.name + suffix) for suffix in DATABASE_SUFFIXES]


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


def _tighten_folder(folder: Path, database: Path) -> None:
    """Leave folders alone that others use: /tmp, or a folder without files of this server."""
    kept = {path.name for path in folder.iterdir()}
    is_ours = not kept or "secret_key" in kept or (database.parent == folder and database.name in kept)
    if is_ours and not folder.stat().st_mode & stat.S_ISVTX:
        _tighten(folder, 0o700)


def _tighten(path: Path, mode: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):  # missing, or owned by another user
        if stat.S_IMODE(path.stat().st_mode) & ~mode:
            path.chmod(mode)


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("#", "%23").replace("?", "%3f")
