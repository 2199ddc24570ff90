"""create_app(): the composition root."""

from dataclasses import fields
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine
from werkzeug.middleware.proxy_fix import ProxyFix

from chat import cli, web
from chat.backends import backend_for, engine_options, shared_by
from chat.clock import Clock, system_clock
from chat.extensions import LateMigrate, db, jwt
from chat.http import cookies, envelopes, finishing
from chat.http.context import whence
from chat.http.flask_app import FlaskApp
from chat.http.origins import Origins
from chat.protocols import ims, polling, realtime, roomapi, tcp
from chat.services import Services
from chat.services.rules import Rules
from config import Settings
from instance import prepare


def create_app(settings: Settings | None = None, clock: Clock = system_clock) -> Flask:
    """Create the application for these settings (default: from the environment). Raises ConfigError."""
    settings = settings or Settings.from_environ()
    prepare(settings)
    app = FlaskApp(__name__, instance_path=str(settings.instance_path), static_folder=None)
    _configure(app, settings)
    db.init_app(app)
    app.teardown_appcontext_funcs.clear()  # Flask-SQLAlchemy's sessions are not used
    LateMigrate(app, str(Path(__file__).parent / "migrations"))
    jwt.init_app(app)
    cookies.init_app(app)
    envelopes.init_app(app)
    finishing.init_app(app)
    Origins(settings.cors_origins).init_app(app)
    if settings.trusted_proxies:
        n = settings.trusted_proxies
        # Ignore X-Forwarded-Host: it decides which origins are foreign, and most proxies pass on the client's value.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=0)  # type: ignore[method-assign]
    with app.app_context():
        app.serve(services_for(settings, db.engine, clock))
    for protocol in (polling, roomapi, realtime, tcp, ims):
        protocol.register(app)
    cli.register(app, create_app)
    web.register(app)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret(),
        JWT_SECRET_KEY=settings.secret(),
        # A clock that is set back must not make valid tokens "not yet valid"; security.tokens checks the expiry.
        JWT_DECODE_LEEWAY=86400,
        SQLALCHEMY_DATABASE_URI=settings.database_uri,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.postgresql_url, settings.database_busy_seconds),
        MAX_CONTENT_LENGTH=settings.body_max_bytes,
        PROVIDE_AUTOMATIC_OPTIONS=False,  # outside of CORS, OPTIONS is an unsupported method like any other
        PAGE_LIMITS={
            "password_min": settings.password_min_length,
            "image_max": settings.image_max_bytes,
            "file_max": settings.file_max_bytes,
            "message_max": settings.message_max_chars,
            "edit_minutes": settings.edit_minutes,
        },
        PULL_TIMEOUT=settings.pull_timeout,
        METRICS=settings.metrics,
        IMS_PASSWORD_KEY=settings.ims_password_key,
        TIMEZONE=settings.zone,
        HOST=settings.host,
        SETTINGS=settings,
    )


def services_for(settings: Settings, engine: Engine, clock: Clock) -> Services:
    """Construct the services on this database; they do not need Flask."""
    shared = shared_by(settings.redis_url, settings.secret())
    backend = backend_for(
        engine,
        clock,
        postgresql_url=settings.postgresql_url,
        busy_seconds=settings.database_busy_seconds,
        sqlite_synchronous=settings.sqlite_synchronous,
        hints=None if shared is None else shared.hints,
    )
    return Services(
        backend,
        clock,
        shared=shared,
        rules=Rules(**{field.name: getattr(settings, field.name) for field in fields(Rules)}),
        secret=settings.secret(),
        whence=whence,
    )
