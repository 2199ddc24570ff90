"""Rewriting an SQLite file without its free pages, so that it also gives space back by itself from then on.

`auto_vacuum` of a file that has tables changes only when the whole file is rewritten. Files of version 0.1 have none.
"""

import contextlib
import logging
import shutil
import sqlite3
from pathlib import Path

from chat.backends.sqlite.backup import alone
from chat.backends.sqlite.engine import INCREMENTAL
from chat.ports import BackupError

SMALL_BYTES = 256 * 1024 * 1024  # rewritten within some seconds (docs/decisions/0157)
log = logging.getLogger(__name__)


def compact(database: Path) -> None:
    """Rewrite the file. Raises BackupError, also if any process uses the database; the file is as it was then."""
    if not database.is_file():
        raise BackupError(f"there is no database at {database}")
    with alone(database):
        needed = 2 * database.stat().st_size  # the copy, and the journal of the replaced pages
        if shutil.disk_usage(database.parent).free < needed:
            raise BackupError(f"that needs {needed / 2**20:.0f} MiB of free space on the disk")
        try:
            with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
                for statement in (f"PRAGMA auto_vacuum={INCREMENTAL}", "PRAGMA secure_delete=ON", "VACUUM"):
                    connection.execute(statement)
        except sqlite3.Error as error:
            raise BackupError(str(error)) from None


def make_shrinkable(database: Path) -> bool:
    """Compact a small file that cannot give space back, unless it is in use. Returns whether it was done."""
    if not database.is_file() or database.stat().st_size > SMALL_BYTES:
        return False
    with contextlib.closing(sqlite3.connect(database)) as connection:
        (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    if mode == INCREMENTAL:
        return False
    try:
        compact(database)
    except BackupError as error:
        log.warning("%s does not shrink yet: %s", database, error)
        return False
    return True
