"""Copies of the SQLite file, and back: consistent, private, and either whole or not there."""

import contextlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from chat.backends.sqlite.neighbours import Neighbours
from chat.ports import BackupError

KEPT = ".before-restore"  # what a restore replaced is beside the database under this name


def backup(database: Path, target: Path) -> None:
    """Copy the database, as it is at one moment, while it is in use. Raises BackupError."""
    if not database.is_file():
        raise BackupError(f"there is no database at {database}")
    if target.is_dir():
        raise BackupError(f"{target} is a folder: give a file's name")
    if target.resolve().name.startswith(database.name) and target.resolve().parent == database.resolve().parent:
        raise BackupError(f"{target} is among the database's own files: give another name")
    with _draft(target) as draft:
        closing = contextlib.closing
        with closing(sqlite3.connect(database, timeout=30)) as source, closing(sqlite3.connect(draft)) as copy:
            source.backup(copy)  # in one step: it would begin anew after each write of others
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        _sync(draft)
        draft.replace(target)


def restore(database: Path, source: Path, check: Callable[[Path], None]) -> None:
    """Put a backup in the database's place. check raises for a copy that this version cannot use.

    What was there is kept beside it. Raises BackupError, also where anybody uses the database.
    """
    if not source.is_file():
        raise BackupError(f"there is no file {source}")
    if database.exists() and source.samefile(database):
        raise BackupError(f"{source} is the database itself")
    with _alone(database), _draft(database) as draft:
        shutil.copyfile(source, draft)
        log = Path(f"{source}-wal")
        if log.exists():  # copied by hand, with its log
            shutil.copyfile(log, f"{draft}-wal")
        _require_sound(draft)
        check(draft)
        _sync(draft)
        _put_aside(database)
        draft.replace(database)
        _sync(database.parent)


def _require_sound(draft: Path) -> None:
    """Take in what the log has, and look at every page."""
    try:
        with contextlib.closing(sqlite3.connect(draft)) as copy:
            copy.execute("PRAGMA journal_mode = DELETE")
            (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
            tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError as error:
        raise BackupError(f"the backup cannot be read: {error}") from None
    if found != "ok":
        raise BackupError(f"the backup is damaged: {found}")
    if not {"alembic_version", "users", "messages"} <= tables:
        raise BackupError("that is no database of Commonroom")


def _put_aside(database: Path) -> None:
    """Keep what is there under another name, without its log: the log of one database destroys another."""
    kept = database.with_name(database.name + KEPT)
    for suffix in ("", "-wal", "-shm"):
        kept.with_name(kept.name + suffix).unlink(missing_ok=True)
    log, index = (database.with_name(database.name + suffix) for suffix in ("-wal", "-shm"))
    if log.exists():  # damaged, or else it had been taken in when we looked whether we are alone
        log.replace(kept.with_name(kept.name + "-wal"))
    index.unlink(missing_ok=True)
    if database.exists():
        os.link(database, kept)  # and not moved: at every moment there is a database


@contextlib.contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Raise BackupError where anybody else uses the database."""
    in_use = BackupError("the database is in use: stop the server, and try again")
    try:
        neighbours = Neighbours(database)
    except (OSError, AttributeError):
        neighbours = None
    with contextlib.ExitStack() as stack:
        if neighbours is not None:
            stack.callback(neighbours.close)
            if neighbours.any():
                raise in_use
        if database.exists():
            try:
                with contextlib.closing(sqlite3.connect(database, timeout=1)) as connection:
                    connection.execute("PRAGMA journal_mode = DELETE")  # takes in the log; refused where others are
            except sqlite3.OperationalError as error:
                if "locked" in str(error) or "busy" in str(error):
                    raise in_use from None
            except sqlite3.DatabaseError:  # damaged: that is why it is replaced
                pass
        yield


@contextlib.contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A private file in the same folder, to be renamed when it is whole; gone at the end if it was not."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield draft
    except (OSError, sqlite3.Error) as error:
        raise BackupError(str(error)) from None
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
