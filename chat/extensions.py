"""The Flask extensions, unbound; `app.create_app` binds them."""

from typing import Any

from flask_jwt_extended import JWTManager
from flask_migrate import Migrate
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
migrate = Migrate()
jwt = JWTManager()


def is_of_models(name: str | None, _kind: str, _parents: Any) -> bool:
    """Whether Alembic compares the table or index of this name with the models: not the tables of the search index."""
    return name is None or not name.startswith("message_search")
