"""The migrations make what the models say, and can be taken back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from chat.extensions import db
from tests.conftest import services_of


@pytest.fixture
def empty(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(database_url=f"sqlite:///{tmp_path / 'empty.db'}")


def test_models_and_migrations_agree(empty: Flask) -> None:
    with empty.app_context():
        upgrade()
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_server_default": True})
            assert compare_metadata(context, db.metadata) == []


def test_down_to_nothing_and_up_again(empty: Flask) -> None:
    with empty.app_context():
        upgrade()
        assert {"users", "rooms", "messages", "events"} <= set(inspect(db.engine).get_table_names())
        downgrade(revision="base")
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version", "sqlite_sequence"}
        upgrade()
    services_of(empty).rooms.ensure_lobby()
    with services_of(empty).store.read() as connection:
        assert connection.exec_driver_sql("SELECT id, name FROM rooms").all() == [(1, "public")]


def test_ids_are_never_used_again(empty: Flask) -> None:
    with empty.app_context():
        upgrade()
        with db.engine.connect() as connection:
            tables = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'table'").scalars().all()
    with_ids = [sql for sql in tables if "\tid INTEGER" in sql]
    assert len(with_ids) == 7
    assert all("AUTOINCREMENT" in sql for sql in with_ids)
