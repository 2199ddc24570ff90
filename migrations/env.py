"""How Alembic reaches the application's database: through the Flask-Migrate extension."""

from logging.config import fileConfig

from alembic import context
from alembic.util import CommandError
from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chat.backends.sqlite.compacting import make_shrinkable
from instance import check
from setting_parsers import ConfigError

UPGRADE_LOCK = 0x436F6D6D6F6E  # any number that no other program on the database takes
config = context.config
if config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)
migrate = current_app.extensions["migrate"]


def _no_empty_revision(_context, _revision, directives):
    if getattr(config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


def run() -> None:
    """One transaction for all pending revisions: an upgrade happens whole or not at all, on SQLite too."""
    settings = current_app.config["SETTINGS"]
    try:
        check(settings, upgrades=True)
    except ConfigError as error:
        raise CommandError(str(error)) from None
    options = {"process_revision_directives": _no_empty_revision, **migrate.configure_args}
    try:
        _migrate(options)
    except DBAPIError as error:  # no right to make tables, a full disk, a server that writes for long
        place = settings.database_path or "DATABASE_URL"
        raise CommandError(f"{place}: {' '.join(str(error.orig).split())}") from error
    if settings.database_path is not None:
        migrate.db.engine.dispose()  # its own connections are no other users
        make_shrinkable(settings.database_path)


def _migrate(options):
    with migrate.db.engine.connect() as connection:
        context.configure(connection=connection, target_metadata=migrate.db.metadata, transactional_ddl=True, **options)
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":  # two hosts may begin at once: one waits for the other
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": UPGRADE_LOCK})
            context.run_migrations()


run()
