"""Migrations produce the schema of the models, and can be reverted."""

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from chat.extensions import db, is_of_models
from chat.services.messages import Draft
from tests.conftest import services_of, sign_up


@pytest.fixture
def empty(make_app: Callable[..., Flask], tmp_path: Path) -> Flask:
    return make_app(database_url=f"sqlite:///{tmp_path / 'empty.db'}")


def test_models_and_migrations_agree(empty: Flask) -> None:
    with empty.app_context():
        upgrade()
        options = {"compare_server_default": True, "include_name": is_of_models}
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts=options)
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


def test_down_and_up_again_with_data(empty: Flask) -> None:
    services = services_of(empty)
    with empty.app_context():
        upgrade()
        services.rooms.ensure_lobby()
        alice = sign_up(services, "alice")
        services.messages.send(alice, "public", Draft(text="kept"))
        services.tickets.issue(alice, "public")
        downgrade(revision="0001")
        upgrade()
        with db.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    assert [m.content for m in services.messages.history(alice, "public", None, 10)] == ["kept"]
    room = services.rooms.joined(alice)[0]
    assert (room.description, room.updated_at) == ("", room.created_at)
    member = services.memberships.members(alice, "public")[0]
    assert member.updated_at == member.created_at > 0


def test_ids_are_never_used_again(empty: Flask) -> None:
    with empty.app_context():
        upgrade()
        with db.engine.connect() as connection:
            tables = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE type = 'table'").scalars().all()
    with_ids = [sql for sql in tables if "\tid INTEGER" in sql]
    assert len(with_ids) == 13
    assert all("AUTOINCREMENT" in sql for sql in with_ids)
