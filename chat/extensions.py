"""The Flask extensions, unbound; `app.create_app` binds them."""

from typing import Any

import click
from flask import Flask
from flask_jwt_extended import JWTManager
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    # Named constraints, so that migrations can change them on every database.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db: Any = SQLAlchemy(model_class=Base)
jwt = JWTManager()


class _MigrationCommands(click.Command):
    """`flask db`, which loads Flask-Migrate."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        from flask_migrate.cli import db as commands

        made: click.Context = commands.make_context(*args, **options)
        return made


class LateMigrate:
    """Flask-Migrate for commands, loaded by the first of them: servers need neither it nor Alembic."""

    def __init__(self, app: Flask, directory: str) -> None:
        self._app = app
        self._directory = directory
        app.extensions["migrate"] = self
        app.cli.add_command(_MigrationCommands("db", help="Perform database migrations."))

    def __getattr__(self, name: str) -> Any:
        from flask_migrate import Migrate

        made = Migrate(directory=self._directory, render_as_batch=True, include_name=is_of_models)
        made.init_app(self._app, db)  # replaces this
        return getattr(self._app.extensions["migrate"], name)


def is_of_models(name: str | None, _kind: str, _parents: Any) -> bool:
    """Whether Alembic compares the table or index of this name with the models: not the tables of the search index."""
    return name is None or not name.startswith("message_search")
