"""The schema and its migrations."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade

from chat.extensions import db
from instance import check
from setting_parsers import ConfigError
from tests.conftest import services_of, settings_at

pytestmark = pytest.mark.postgresql_only


@pytest.mark.filterwarnings("ignore:Did not recognize type .xid8")
def test_models_and_migrations_agree(make_app: Callable[..., Flask]) -> None:
    only_here = {"xid", "ix_events_xid_id", "uq_messages_room_id_sender_id_client_message_id"}
    only_here |= {"ix_messages_content_trigrams"}
    with make_app().app_context(), db.engine.connect() as connection:
        options = {"compare_server_default": True, "include_object": lambda _o, name, *_: name not in only_here}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, db.metadata) == []


def test_down_to_nothing_and_up_again(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    with app.app_context():
        downgrade(revision="base")
        upgrade()
    services_of(app).rooms.ensure_lobby()
    with services_of(app).store.read() as connection:
        assert connection.exec_driver_sql("SELECT id, name FROM rooms").all() == [(1, "public")]


def test_schemas_that_do_not_fit_are_refused_in_one_line(home: Path, outside: psycopg.Connection) -> None:
    settings = settings_at(home)
    check(settings)
    for version, upgrades, words in (("0012", False, "flask --app wsgi db upgrade"), ("9999", True, "a newer version")):
        outside.execute("UPDATE alembic_version SET version_num = %s", (version,))
        with pytest.raises(ConfigError, match=words) as caught:
            check(settings, upgrades=upgrades)
        assert "\n" not in str(caught.value)
    outside.execute("UPDATE alembic_version SET version_num = '0012'")
    check(settings, upgrades=True)


def test_the_sequence_of_events_survives_a_fail_over(outside: psycopg.Connection) -> None:
    """On a promoted standby an unlogged one is broken, and every send fails."""
    kinds = "SELECT relname, relpersistence::text FROM pg_class WHERE relname IN ('events', 'events_id_seq')"
    assert dict(outside.execute(kinds).fetchall()) == {"events": "u", "events_id_seq": "p"}
