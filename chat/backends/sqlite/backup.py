"""Backup and restore of the SQLite file: consistent, private, and atomic."""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from chat.backends.sqlite.doorbell import Neighbours
from chat.ports import BackupError

_SQLITE = b"SQLite format 3\0"  # how its files begin
KEPT = ".before-restore"  # suffix for the database that a restore replaces
_LOGS = ("-wal", "-journal")  # SQLite plays them onto the file that they lie beside, also onto another one
_BESIDE = ("", *_LOGS, "-shm")


def backup(database: Path, target: Path) -> None:
    """Copy a consistent snapshot of the database while it is in use. Raises BackupError."""
    if not database.is_file():
        raise BackupError(f"there is no database at {database}")
    target = file_to_write(target)
    if target.name.startswith(database.name) and target.parent == database.resolve().parent:
        raise BackupError(f"{target} is among the database's own files: give another name")
    with drafted(target) as draft:
        closing = contextlib.closing
        with closing(sqlite3.connect(database, timeout=30)) as source, closing(sqlite3.connect(draft)) as copy:
            source.backup(copy)  # in one step, because it would restart after each write
        finish(draft, target)


def file_to_write(target: Path) -> Path:
    """Return the file that a backup creates or replaces, where links lead. Raises BackupError if it cannot be one."""
    try:
        path = target.resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise BackupError(str(error)) from None
    _refuse_others(path, target)
    if path.exists() and not _is_sqlite(path):  # such as instance/secret_key
        raise BackupError(f"{target} is a file of another kind, which would be lost: give another name")
    return path


def _is_sqlite(path: Path) -> bool:
    """Whether it is a SQLite file, or empty. One that cannot be read is none."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(len(_SQLITE)) in {b"", _SQLITE}
    return False


def _refuse_others(path: Path, given: Path) -> None:
    """Raise BackupError if there is something at the path that is no file."""
    if path.is_dir():
        raise BackupError(f"{given} is a folder: give a file's name")
    if path.exists() and not path.is_file():
        raise BackupError(f"{given} is a device or the like: give a file's name")


def finish(draft: Path, target: Path) -> None:
    """Give a complete copy its name, as a single file, without the logs of a file that it replaces."""
    with contextlib.closing(sqlite3.connect(draft)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")
    sync(draft)
    for suffix in _LOGS:
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    draft.replace(target)


def restore(database: Path, source: Path, check: Callable[[Path], None]) -> None:
    """Replace the database with a backup. `check` raises for a copy that this version cannot use.

    The old database is kept beside it. Raises BackupError, also if any process uses the database.
    """
    if database.exists() and source.exists() and source.samefile(database):
        raise BackupError(f"{source} is the database itself")
    with alone(database), drafted(database) as draft:
        take_in(source, draft)
        check(draft)
        sync(draft)
        _put_aside(database)
        draft.replace(database)
        sync(database.parent)


def take_in(source: Path, draft: Path) -> None:
    """Copy a backup, and check every page of it. Raises BackupError."""
    _refuse_others(source, source)
    if not source.exists():
        raise BackupError(f"there is no file {source}")
    shutil.copyfile(source, draft)
    for suffix in _LOGS:
        log = Path(f"{source}{suffix}")
        if log.exists():  # copied by hand together with it
            shutil.copyfile(log, f"{draft}{suffix}")
    _require_sound(draft)


def _require_sound(draft: Path) -> None:
    """Apply the logs and check every page."""
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
    """Keep the old database under another name, without its WAL: the WAL of one database corrupts another."""
    kept = database.with_name(database.name + KEPT)
    for suffix in ("", "-wal", "-shm"):
        kept.with_name(kept.name + suffix).unlink(missing_ok=True)
    log, index = (database.with_name(database.name + suffix) for suffix in ("-wal", "-shm"))
    if log.exists():  # left only if the database is damaged: the check for other users has applied it otherwise
        log.replace(kept.with_name(kept.name + "-wal"))
    index.unlink(missing_ok=True)
    if database.exists():
        os.link(database, kept)  # a link instead of a move, so that a database exists at every moment


@contextlib.contextmanager
def alone(database: Path) -> Iterator[None]:
    """Raise BackupError if another process uses the database."""
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
                    # applies the WAL; refused while others use the database
                    connection.execute("PRAGMA journal_mode = DELETE")
            except sqlite3.OperationalError as error:
                if "locked" in str(error) or "busy" in str(error):
                    raise in_use from None
            except sqlite3.DatabaseError:  # damaged, which is the reason for replacing it
                pass
        yield


@contextlib.contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """Create a private file in the same folder, for renaming when complete; removed otherwise.

    Those of processes that were killed are removed first: they hold everything that is stored.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with contextlib.ExitStack() as stack:
        stack.callback(_remove, draft)
        try:
            _remove_abandoned(path)
            held = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            stack.callback(os.close, held)
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(held, fcntl.LOCK_EX)
            yield draft
        except OSError as error:  # not by the draft's name, which nobody has given
            named = path if error.filename in {None, str(draft)} else error.filename
            raise BackupError(f"{named if path.parent.is_dir() else path.parent}: {error.strerror or error}") from None
        except sqlite3.Error as error:
            raise BackupError(f"{path}: {error}") from None


def _remove_abandoned(path: Path) -> None:
    """Remove drafts whose process has ended: nobody holds the lock."""
    pattern = re.compile(re.escape(f".{path.name}.") + "[0-9a-f]{8}")
    with contextlib.suppress(OSError):
        for draft in [each for each in path.parent.iterdir() if pattern.fullmatch(each.name)]:
            with draft.open("rb") as file, contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(draft)


def _remove(draft: Path) -> None:
    for suffix in _BESIDE:
        with contextlib.suppress(OSError):  # a name that is too long
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
