"""A fresh database for each test, by copying one that the real migrations made."""

import contextlib
import os
import shutil
import tempfile
import uuid
from pathlib import Path

import psycopg
import pytest

from tests import postgresql

POSTGRESQL = "postgresql"
SECRET = "tests-only-0123456789-abcdefghijklmnopqrstuvwxyz"
URL_FILE = "database_url"  # a file in the instance folder: its database is not the SQLite file there
direct_only = pytest.mark.skipif(
    bool(os.environ.get(postgresql.POOLER)),
    reason="a pooler has connections of its own: it replaces lost ones, sets no timeouts, and LISTEN is deaf",
)


def url_of(home: Path) -> str:
    """DATABASE_URL for an instance folder; "": the SQLite file in it."""
    with contextlib.suppress(FileNotFoundError):
        return (home / URL_FILE).read_text()
    return ""


def database_environment(home: Path) -> dict[str, str]:
    """What a server needs besides to use the database of an instance folder."""
    url = url_of(home)
    return {"DATABASE_URL": url, "SECRET_KEY": SECRET} if url else {}


class Databases:
    """Copies of a migrated SQLite file, or clones of a migrated PostgreSQL database."""

    def __init__(self, migrated: Path, kind: str) -> None:
        """kind: where fill is given none."""
        self._migrated = migrated
        self._kind = kind
        self._made: dict[Path, str] = {}
        self._kept: psycopg.Connection | None = None  # a new one takes the server 4 ms

    def fill(self, home: Path, kind: str = "", like: Path | None = None) -> None:
        """Put a fresh database into an instance folder, or a copy of another folder's, which nobody uses."""
        if (kind or self._kind) != POSTGRESQL:
            shutil.copy(self._migrated if like is None else like / "commonroom.db", home / "commonroom.db")
            return
        if postgresql.FOLDER not in os.environ:
            reason = "initdb is not here: install PostgreSQL's server programs (Debian: apt install postgresql)"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        postgresql.ask_for(migrate)
        name = f"test_{uuid.uuid4().hex[:16]}"
        postgresql.create(self._admin(), name, postgresql.TEMPLATE if like is None else self._made[like])
        self._made[home] = name
        (home / URL_FILE).write_text(postgresql.url(name))

    def filled(self, home: Path, kind: str = "") -> Path:
        """The folder, with a fresh database."""
        self.fill(home, kind)
        return home

    def drop(self, home: Path) -> None:
        """Remove the database of `fill`, despite connections to it; files go with their folder."""
        name = self._made.pop(home, None)
        if name is not None:
            postgresql.drop(self._admin(), name)

    def drop_all(self) -> None:
        for home in list(self._made):
            self.drop(home)
        if self._kept is not None:
            self._kept.close()

    def _admin(self) -> psycopg.Connection:
        if self._kept is None or self._kept.closed:
            self._kept = psycopg.connect(**postgresql.admin())
        return self._kept


def migrate(url: str) -> None:
    """Make the tables in an empty database, and leave no connection behind."""
    from flask_migrate import upgrade  # here, as it loads Alembic

    from app import create_app
    from tests.conftest import services_of, settings_at

    with tempfile.TemporaryDirectory() as folder:
        app = create_app(settings_at(Path(folder), database_url=url))
        with app.app_context():
            upgrade()
        services_of(app).store.dispose()
